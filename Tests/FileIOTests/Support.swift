import FileIO
import Glibc
import SystemPackage
import Testing

/// A scratch folder with a repository's folder in it, and somebody else's files beside it.
struct Place {
    let root: FilePath
    var inside: ConfinedPath { ConfinedPath(root.appending("inside")) }
    var outside: FilePath { root.appending("outside") }

    static func with(_ body: (Place) throws -> Void) throws {
        var template = Array("/tmp/annexd-fileio-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        let place = Place(root: FilePath(platformString: made))
        defer { try? Files.removeTree(place.root) }
        for name in ["inside/a/b", "outside/a/b"] { try Files.createDirectories(place.root.appending(name)) }
        for path in ["inside/a/file", "outside/a/file", "outside/secret"] {
            try write(path, to: place.root.appending(path))
        }
        try body(place)
    }

    static func write(_ text: String, to path: FilePath) throws {
        try OpenFile(path, [.writeOnly, .create, .truncate]).write(Array(text.utf8), at: 0)
    }

    func link(_ path: String, to target: FilePath) throws {
        let made = target.withPlatformString { target in
            root.appending(path).withPlatformString { symlink(target, $0) }
        }
        try #require(made == 0)
    }

    /// What is outside: every path with its kind, mode and content.
    func outsideState() throws -> [String: String] {
        var state: [String: String] = [:]
        func add(_ path: FilePath) throws {
            guard let status = try Files.status(path, followLinks: false) else { return }
            let content = status.kind == .regular ? String(decoding: try Files.read(path) ?? [], as: UTF8.self) : ""
            state[path.string] = "\(status.kind) \(String(status.mode, radix: 8)) \(status.inode) \(content)"
            if status.kind == .directory { for name in try Files.list(path) { try add(path.appending(bytes: name)) } }
        }
        try add(outside)
        return state
    }
}

/// The ways in which the kernel may be asked: with `openat2`, and as where it is not known or not allowed.
enum Kernel: CaseIterable, CustomTestStringConvertible {
    case current, old, sandboxed

    var testDescription: String {
        switch self {
        case .current: "openat2"
        case .old: "no openat2 (ENOSYS)"
        case .sandboxed: "openat2 refused (EPERM)"
        }
    }

    func run(_ body: () throws -> Void) rethrows {
        switch self {
        case .current: try body()
        case .old: try ConfinedPathFallback.run(failingWith: Errno(rawValue: ENOSYS), body)
        case .sandboxed: try ConfinedPathFallback.run(failingWith: .notPermitted, body)
        }
    }
}
