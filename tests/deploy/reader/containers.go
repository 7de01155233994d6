package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// A compose file as docker compose loads it: anchors merged, every field known.
func readCompose(text []byte, tell func(any) error) error {
	project, err := loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir:  "/",
		ConfigFiles: []types.ConfigFile{{Filename: "compose.yaml", Content: text}},
	}, func(o *loader.Options) { o.ResolvePaths = false })
	if err != nil {
		return err
	}
	return tell(project)
}

// The stages of a container file as BuildKit parses them: their instructions as they are written.
func readContainerfile(text []byte, tell func(any) error) error {
	parsed, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return err
	}
	if len(parsed.Warnings) > 0 {
		return fmt.Errorf("%v", parsed.Warnings)
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		return err
	}
	for _, stage := range stages {
		lines := []string{}
		for _, command := range stage.Commands {
			lines = append(lines, fmt.Sprint(command))
		}
		if err := tell(map[string]any{"from": stage.BaseName, "instructions": lines}); err != nil {
			return err
		}
	}
	return nil
}
