public import FileIO
import Glibc
public import SystemPackage

/// The directory of hooks that annexd gives to `git receive-pack` instead of the repository's own.
public enum HookDirectory {
    /// Writes the hooks to a directory, creating it if necessary, and leaves those that are there already. Blocking.
    ///
    /// Throws `FileError`, with EACCES when the file system does not let programs run: git would then pass over the
    /// hook in silence, and what it refuses would be accepted.
    public static func install(at directory: FilePath) throws(FileError) {
        try Files.createDirectories(directory, mode: 0o755)
        let hook = directory.appending("update")
        let content = Array(update.utf8)
        if try Files.read(hook) != content {
            let temporary = directory.appending("update.\(getpid()).tmp")
            try Files.replace(hook, with: content, temporary: temporary, mode: 0o755)
        }
        try Files.setMode(hook, 0o755)
        guard hook.withPlatformString({ access($0, X_OK) }) == 0 else {
            throw FileError(operation: "run", path: hook, code: Errno(rawValue: errno))
        }
    }

    /// `update` is asked for each ref on its own, so a refused one leaves the others alone (spec 02 #42). It sees the
    /// pushed objects in receive-pack's quarantine. What it prints reaches the person who pushes.
    static let update = """
        #!/bin/sh
        # Written by annexd; changes are overwritten. Arguments: ref, old and new object id.
        refuse() {
            echo "annexd: $1" >&2
            exit 1
        }
        absent() {
            case $1 in
            *[!0]*) return 1 ;;
            esac
        }
        case $1 in
        refs/heads/git-annex)
            if absent "$3"; then
                refuse "\(RefPolicy.deletion)"
            fi
            if absent "$2" || git merge-base --is-ancestor "$2" "$3"; then
                exit 0
            fi
            refuse "\(RefPolicy.rewind)"
            ;;
        refs/heads/synced/git-annex | refs/synced/?*/git-annex) ;;
        */git-annex)
            refuse "\(RefPolicy.otherRef)"
            ;;
        esac
        exit 0

        """
}
