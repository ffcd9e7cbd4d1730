import Glibc

extension MetricsRegistry {
    /// Adds what the kernel knows of this process: resident memory, open descriptors, threads and its start time.
    public func addProcessMetrics() {
        let start = Double(Timestamp.now().seconds)
        gauge("process_start_time_seconds", "When the process started, in seconds since 1970.") { start }
        gauge("process_resident_memory_bytes", "Memory of the process that is in RAM.") { Double(residentBytes()) }
        gauge("process_open_fds", "Open file descriptors.") { Double(max(0, entryCount("/proc/self/fd") - 1)) }
        gauge("process_threads", "Threads of the process.") { Double(entryCount("/proc/self/task")) }
    }
}

/// The second field of `/proc/self/statm`, which counts pages; 0 where there is no `/proc`.
private func residentBytes() -> Int {
    let descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return 0 }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = read(descriptor, &buffer, buffer.count)
    guard count > 0 else { return 0 }
    let fields = buffer[..<count].split(separator: UInt8(ascii: " "))
    guard fields.count > 1, let pages = Int(String(decoding: fields[1], as: UTF8.self)) else { return 0 }
    return pages * sysconf(Int32(_SC_PAGESIZE))
}

/// How many names a directory holds, without `.` and `..`. While it counts, its own descriptor is one of
/// `/proc/self/fd`.
private func entryCount(_ path: String) -> Int {
    guard let directory = opendir(path) else { return 0 }
    defer { closedir(directory) }
    var count = -2
    while readdir(directory) != nil { count += 1 }
    return max(0, count)
}
