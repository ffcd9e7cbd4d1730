public import FileIO
import SystemPackage

extension LocationError {
    /// What a failing file operation of this machine means.
    public init(_ error: FileError) {
        if error.isOutOfSpace {
            self.init(.full, "Not enough space on the server's disk", cause: error)
        } else if error.isOutOfDescriptors {
            self.init(.busy, "the server has too many files open; try again", cause: error)
        } else if error.code == .readOnlyFileSystem {
            self.init(.forbidden, "nothing can be stored: the server's file system is read-only", cause: error)
        } else if error.code == .permissionDenied || error.code == .notPermitted {
            self = .notPermitted(error)
        } else {
            self.init(.failed, "\(error.operation) failed on the server: \(error.code)", cause: error)
        }
    }

    /// Files of another owner, mostly: a command was run by root.
    public static func notPermitted(_ cause: any Error) -> LocationError {
        LocationError(
            .failed, "the host may not use the files of this repository; annexd doctor tells its operator which",
            cause: cause)
    }
}
