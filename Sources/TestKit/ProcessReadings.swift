import Foundation

/// What the kernel says about one running process.
public struct ProcessReadings: Sendable {
    /// Resident memory in bytes, now.
    public var residentBytes: Int
    /// The highest resident memory in bytes since the start.
    public var peakResidentBytes: Int
    /// Number of threads.
    public var threads: Int
    /// Number of open descriptors.
    public var descriptors: Int
    /// Process ids of the direct children.
    public var children: [Int32]

    /// Reads `/proc/<pid>`, or returns nil when there is no such process.
    public init?(of pid: Int32) {
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8) else { return nil }
        func number(_ name: String) -> Int {
            for line in status.split(separator: "\n") where line.hasPrefix("\(name):") {
                return line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) } ?? 0
            }
            return 0
        }
        residentBytes = number("VmRSS") * 1024
        peakResidentBytes = number("VmHWM") * 1024
        threads = number("Threads")
        descriptors = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count) ?? 0
        var found: [Int32] = []
        for task in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? [] {
            let list = (try? String(contentsOfFile: "/proc/\(pid)/task/\(task)/children", encoding: .utf8)) ?? ""
            found += list.split(whereSeparator: { !$0.isNumber }).compactMap { Int32($0) }
        }
        let helpers = found.filter(Self.isSymbolizer)
        children = found.filter { !helpers.contains($0) }
        descriptors -= 2 * helpers.count
    }

    /// Under a sanitizer a process keeps a program that finds names for reports, also for those that are left out, and
    /// two pipes to it.
    private static func isSymbolizer(_ pid: Int32) -> Bool {
        (try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8)) == "llvm-symbolizer\n"
    }

    /// Starts a new measurement of the peak resident memory of `pid`.
    public static func resetPeak(of pid: Int32) {
        try? Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/\(pid)/clear_refs"))
    }

    /// Lets this process open that many files, as far as the machine allows.
    public static func allowDescriptors(_ count: Int) {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, rlim_t(count)))
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

extension ProcessReadings {
    /// The processes that `process` started, those that these started, and so on.
    public static func descendants(of process: Int32) -> [Int32] {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap { Int32($0) } ?? []
        var children: [Int32: [Int32]] = [:]
        for candidate in all {
            guard let line = FileManager.default.contents(atPath: "/proc/\(candidate)/stat"),
                // The name in parentheses may hold anything; the state and the parent follow it.
                let end = line.lastIndex(of: UInt8(ascii: ")")),
                let parent = String(decoding: line[end...], as: UTF8.self).split(separator: " ").dropFirst(2).first
            else { continue }
            children[Int32(parent) ?? 0, default: []].append(candidate)
        }
        var found: [Int32] = []
        var next = [process]
        while let current = next.popLast() {
            found += children[current] ?? []
            next += children[current] ?? []
        }
        return found
    }
}
