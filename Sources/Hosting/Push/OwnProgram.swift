import FileIO
import Glibc
import SystemPackage

/// The program of this process, for children that need to start it.
enum OwnProgram {
    /// Its path. Where the file was replaced or removed since the start, as an update does, the kernel still has what
    /// is running under a name of its own.
    static var path: String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        if length > 0 {
            let path = FilePath(platformString: buffer)
            if path.withPlatformString({ access($0, X_OK) }) == 0 { return path.string }
        }
        return "/proc/\(getpid())/exe"
    }
}
