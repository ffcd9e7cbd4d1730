public import FileIO
import Glibc
public import SystemPackage

/// The directory of hooks that annexd gives to `git receive-pack` instead of the repository's own.
///
/// Two sets of them, of which each push runs one: ``Set/whole`` is one process for a push whose commands are all
/// accepted by their names, however many they are, and ``Set/each`` one more for each ref.
public enum HookDirectory {
    enum Set: String, CaseIterable {
        case whole, each

        var hooks: [(name: String, text: String)] {
            switch self {
            case .whole: [("pre-receive", HookText.whole)]
            case .each: [("pre-receive", HookText.objects), ("update", HookText.each)]
            }
        }

        func folder(in directory: FilePath) -> FilePath { directory.appending(rawValue) }
    }

    /// Writes the hooks to a directory, creating it if necessary, and leaves those that are there already. Blocking.
    ///
    /// Throws `FileError`, with EACCES when the file system does not let programs run: git would then pass over the
    /// hook in silence, and what it refuses would be accepted.
    public static func install(at directory: FilePath) throws(FileError) {
        try Files.createDirectories(directory, mode: 0o755)
        for set in Set.allCases {
            let folder = set.folder(in: directory)
            try Files.createDirectories(folder, mode: 0o755)
            for (name, text) in set.hooks { try install(name, in: ConfinedPath(folder), text) }
        }
        // Where earlier versions had the only one.
        _ = try Files.unlink(ConfinedPath(directory).appending("update"))
    }

    private static func install(_ name: String, in folder: ConfinedPath, _ text: String) throws(FileError) {
        let (hook, content) = (folder.appending(name), Array(text.utf8))
        if try Files.read(hook) != content {
            try Files.replace(hook, with: content, mode: 0o755)
        }
        try Files.setMode(hook, 0o755)
        guard canRun(hook.path) else {
            throw FileError(operation: "run", path: hook.path, code: Errno(rawValue: errno))
        }
    }

    /// Whether the hooks are there, as this version writes them, and can run. Blocking.
    public static func isInstalled(at directory: FilePath) throws(FileError) -> Bool {
        for set in Set.allCases {
            for (name, text) in set.hooks {
                let hook = ConfinedPath(set.folder(in: directory)).appending(name)
                guard try Files.read(hook) == Array(text.utf8), canRun(hook.path) else { return false }
            }
        }
        return true
    }

    private static func canRun(_ hook: FilePath) -> Bool { hook.withPlatformString { access($0, X_OK) } == 0 }
}
