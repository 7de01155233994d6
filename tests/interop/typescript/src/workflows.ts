// Workflows of the scenarios.
export * from './workflows/activities';
export * from './workflows/messages';
export * from './workflows/relations';
export * from './workflows/life';
export * from './workflows/cross';
