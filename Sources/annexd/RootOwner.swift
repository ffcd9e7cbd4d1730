import FileIO
import Glibc
import Hosting
import SystemPackage

/// The user to whom a root folder belongs. The server runs as that user, so whatever commands make must be that user's.
///
/// Attack: a repository's own configuration can name programs that git runs. A command of root's that only lent its
/// rights away would let whoever owns the repositories take them, so they are given up for good.
struct RootOwner {
    let user: uid_t
    let group: gid_t
    /// The user's name, or the number where nobody has a name for it.
    let name: String
    private let home: String?

    /// Throws ``Failure`` where the folder is not there.
    init(of folder: FilePath) throws {
        var status = stat()
        guard folder.withPlatformString({ stat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw Failure("\"\(folder)\" is no folder")
        }
        user = status.st_uid
        if let entry = getpwuid(status.st_uid) {
            (group, name) = (entry.pointee.pw_gid, String(cString: entry.pointee.pw_name))
            home = String(cString: entry.pointee.pw_dir)
        } else {
            (group, name, home) = (status.st_gid, "user \(status.st_uid)", nil)
        }
    }

    /// What a process that runs now would make belongs to somebody else.
    var isSomebodyElse: Bool { geteuid() != user }

    /// Becomes the owner for the rest of this process, where it is root's and the folder is not.
    func become() throws {
        guard geteuid() == 0, user != 0 else { return }
        guard home == nil ? setgroups(0, nil) == 0 : initgroups(name, group) == 0, setgid(group) == 0,
            setuid(user) == 0
        else {
            throw Failure(
                "the root folder belongs to \(name), and this process may not act as that user: "
                    + "\(Errno(rawValue: errno))")
        }
        // Git reads the configuration of whoever it runs as, and fails where it may not.
        setenv("HOME", home ?? "/nonexistent", 1)
        setenv("USER", name, 1)
        setenv("LOGNAME", name, 1)
    }
}
