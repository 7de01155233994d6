#pragma once

#include <cstdint>

namespace reprise::bench {

/// Processor seconds of a process, with the children that it has and those that have ended. The
/// kernel counts them in hundredths.
double cpu_seconds(int pid);

/// Resident memory of one process in MiB.
double resident_mib(int pid);

/// Reads and writes that one process asked the kernel for.
std::uint64_t io_calls(int pid);

} // namespace reprise::bench
