import Foundation

/// A directory of one test, removed with everything in it, also the read-only parts an annex leaves.
///
/// `ANNEXD_TEST_KEEP=1` keeps it and says where it is.
public final class ScratchDirectory {
    /// The absolute path, without a trailing slash.
    public let path: String
    private var cleanups: [() -> Void] = []
    private var isClosed = false

    /// Makes a fresh directory under the system's temporary directory.
    public init(_ label: String = "scenario") throws {
        let base = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        var template = Array("\(base)/annexd-\(label)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw TestKitError(.system, "mkdtemp under \(base): errno \(errno)")
        }
        let made = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard let real = realpath(made, nil) else {
            throw TestKitError(.system, "realpath \(made): errno \(errno)")
        }
        defer { free(real) }
        path = String(cString: real)
    }

    /// Runs `body` with a fresh directory and removes it afterwards, whatever happens.
    public static func with<R>(_ label: String = "scenario", _ body: (ScratchDirectory) throws -> R) throws -> R {
        let scratch = try ScratchDirectory(label)
        defer { scratch.close() }
        return try body(scratch)
    }

    /// Registers work to be done at the end; the last registered runs first.
    public func atEnd(_ cleanup: @escaping () -> Void) {
        cleanups.append(cleanup)
    }

    /// The path of `name` in here.
    public func child(_ name: String) -> String {
        "\(path)/\(name)"
    }

    /// Makes the directory `name` in here and returns its path.
    public func makeDirectory(_ name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: child(name), withIntermediateDirectories: true)
        return child(name)
    }

    /// Runs the registered clean-ups, last first, and removes the directory.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        while let cleanup = cleanups.popLast() { cleanup() }
        if ProcessInfo.processInfo.environment["ANNEXD_TEST_KEEP"] == "1" {
            FileHandle.standardError.write(Data("kept \(path)\n".utf8))
            return
        }
        // A running `git gc --auto` or a dying child may still add a file, hence a few attempts.
        for _ in 0..<5 where FileManager.default.fileExists(atPath: path) {
            _ = try? Command(["chmod", "-R", "u+rwX", path]).run()
            _ = try? Command(["rm", "-rf", path]).run()
        }
    }

    deinit {
        close()
    }
}
