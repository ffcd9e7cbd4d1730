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
        let folder = ConfinedPath(directory)
        let hook = folder.appending("update")
        let content = Array(update.utf8)
        if try Files.read(hook) != content {
            let temporary = folder.appending("update.\(getpid()).tmp")
            try Files.replace(hook, with: content, temporary: temporary, mode: 0o755)
        }
        try Files.setMode(hook, 0o755)
        guard hook.path.withPlatformString({ access($0, X_OK) }) == 0 else {
            throw FileError(operation: "run", path: hook.path, code: Errno(rawValue: errno))
        }
    }

    /// Whether the hooks are there, as this version writes them, and can run. Blocking.
    public static func isInstalled(at directory: FilePath) throws(FileError) -> Bool {
        let hook = ConfinedPath(directory).appending("update")
        guard try Files.read(hook) == Array(update.utf8) else { return false }
        return hook.path.withPlatformString { access($0, X_OK) } == 0
    }

    /// The environment variable that tells the hook which program judges a pushed `git-annex` ref.
    public static let checkVariable = "ANNEXD_CHECK"

    /// `update` is asked for each ref on its own, so a refused one leaves the others alone (spec 02 #42). It sees the
    /// pushed objects in receive-pack's quarantine. What it prints reaches the person who pushes.
    ///
    /// What a `git-annex` ref holds is judged by the program that ``checkVariable`` names; it gets the hook's arguments.
    /// Without the variable nothing is judged; a program that cannot run is a refusal.
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
        check() {
            [ -n "$\(checkVariable)" ] || exit 0
            "$\(checkVariable)" check-push "$@"
            case $? in
            0) exit 0 ;;
            1) exit 1 ;;
            esac
            refuse "what was pushed could not be checked; the host's log may tell more"
        }
        case $1 in
        refs/heads/git-annex)
            if absent "$3"; then
                refuse "\(RefPolicy.deletion)"
            fi
            if absent "$2" || git merge-base --is-ancestor "$2" "$3"; then
                check "$@"
            fi
            refuse "\(RefPolicy.rewind)"
            ;;
        refs/annexd | refs/annexd/*)
            refuse "\(RefPolicy.hostsOwn)"
            ;;
        refs/heads/git-annex/* | refs/heads/synced/git-annex/*)
            refuse "\(RefPolicy.otherRef)"
            ;;
        refs/heads/synced/git-annex | refs/synced/?*/git-annex)
            absent "$3" || check "$@"
            ;;
        */git-annex)
            refuse "\(RefPolicy.otherRef)"
            ;;
        esac
        exit 0

        """
}
