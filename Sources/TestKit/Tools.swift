import Foundation

/// Where the programs under test and the stock programs are.
public enum Tools {
    /// The root folder of the package, found from this source file.
    public static var packageRoot: String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
    }

    /// The folder of the stock git-annex: `ANNEXD_TEST_GIT_ANNEX` (program or folder), `.venv/bin`, or `PATH`.
    public static func gitAnnexFolder() throws -> String {
        let environment = ProcessInfo.processInfo.environment
        var candidates: [String] = []
        if let given = environment["ANNEXD_TEST_GIT_ANNEX"] {
            candidates.append(given)
            candidates.append((given as NSString).deletingLastPathComponent)
        }
        candidates.append("\(packageRoot)/.venv/bin")
        candidates += (environment["PATH"] ?? "").split(separator: ":").map(String.init)
        for folder in candidates where access("\(folder)/git-annex", X_OK) == 0 {
            return folder
        }
        throw TestKitError(.missingProgram, "no git-annex: set ANNEXD_TEST_GIT_ANNEX or install it into .venv")
    }

    /// A client that `Tests/clients` has fetched, such as `datalad` or `older/git-annex`; nil where it could not be
    /// had.
    public static func client(_ name: String) -> String? {
        let folder = ProcessInfo.processInfo.environment["ANNEXD_TEST_CLIENTS"] ?? "\(packageRoot)/.clients"
        let path = "\(folder)/bin/\(name)"
        return access(path, X_OK) == 0 ? path : nil
    }

    /// `PATH` for children: the stock git-annex first, then the caller's own.
    public static func searchPath() throws -> String {
        try "\(gitAnnexFolder()):\(ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin")"
    }

    /// The built `annexd`: `ANNEXD_TEST_BINARY`, else beside the test bundle, else `.build/debug` or `.build/release`.
    public static func annexd() throws -> String {
        var candidates: [String] = []
        if let given = ProcessInfo.processInfo.environment["ANNEXD_TEST_BINARY"] {
            candidates.append(given)
        } else {
            let program = CommandLine.arguments.first ?? ""
            if let real = realpath("/proc/self/exe", nil) {
                candidates.append(beside(String(cString: real)))
                free(real)
            }
            candidates.append(beside(program))
            candidates.append("\(packageRoot)/.build/debug/annexd")
            candidates.append("\(packageRoot)/.build/release/annexd")
        }
        for candidate in candidates where access(candidate, X_OK) == 0 {
            return candidate
        }
        throw TestKitError(.missingProgram, "no annexd among \(candidates): build it or set ANNEXD_TEST_BINARY")
    }

    private static func beside(_ program: String) -> String {
        (program as NSString).deletingLastPathComponent + "/annexd"
    }

    /// The SHA-256 of `bytes` in lower-case hex, from coreutils and thus not from the code under test.
    public static func sha256(_ bytes: [UInt8]) throws -> String {
        String(try Command(["sha256sum"], input: bytes).check().text.prefix(64))
    }

    /// The MD5 of `bytes` in lower-case hex.
    public static func md5(_ bytes: [UInt8]) throws -> String {
        String(try Command(["md5sum"], input: bytes).check().text.prefix(32))
    }

    /// A SHA256 key for `bytes`, `SHA256-s<size>--<hash>`.
    public static func sha256Key(_ bytes: [UInt8]) throws -> String {
        "SHA256-s\(bytes.count)--\(try sha256(bytes))"
    }
}
