import Glibc

/// What the process was started with.
enum ProcessEnvironment {
    /// All environment variables that are UTF-8.
    static var all: [String: String] {
        var result: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            if let line = String(validatingCString: text), let equals = line.firstIndex(of: "=") {
                result[String(line[..<equals])] = String(line[line.index(after: equals)...])
            }
            entry += 1
        }
        return result
    }

    static var processIdentifier: Int32 { getpid() }
}
