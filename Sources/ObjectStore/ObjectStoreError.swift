internal import FileIO
internal import SystemPackage

/// An operation of the object store that failed because of the disk or the machine.
public struct ObjectStoreError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is; new codes may appear.
    public struct Code: Hashable, Sendable {
        private let name: String

        private init(_ name: String) { self.name = name }

        /// The disk or the kernel failed in a way that has no code of its own.
        public static let io = Code("io")
        /// The disk or a quota is full.
        public static let noSpace = Code("noSpace")
        /// A file or directory may not be read or written by this process, or the file system is read-only.
        public static let permission = Code("permission")
        /// Out of file descriptors or memory, or another process holds a lock for too long; worth a retry.
        public static let busy = Code("busy")
        /// The caller used a reception or removal after it ended.
        public static let misuse = Code("misuse")
    }

    public var code: Code
    /// What was tried and what happened.
    public var message: String
    public var cause: (any Error)?
    /// Bytes that did not fit, for ``Code/noSpace`` where it is known.
    public var missingBytes: UInt64?

    public init(code: Code, message: String, cause: (any Error)? = nil, missingBytes: UInt64? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
        self.missingBytes = missingBytes
    }

    init(_ error: FileError) {
        let code: Code =
            if error.isOutOfSpace {
                .noSpace
            } else {
                switch error.code {
                case .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory, .noLocks, .resourceTemporarilyUnavailable:
                    .busy
                case .permissionDenied, .notPermitted, .readOnlyFileSystem: .permission
                default: .io
                }
            }
        self.init(code: code, message: error.description, cause: error)
    }

    public var description: String { message }
}

/// Runs `body`, and turns every file error into an ``ObjectStoreError``.
func reporting<Result>(_ body: () throws -> Result) throws(ObjectStoreError) -> Result {
    do {
        return try body()
    } catch let error as ObjectStoreError {
        throw error
    } catch let error as FileError {
        throw ObjectStoreError(error)
    } catch {
        throw ObjectStoreError(code: .io, message: "\(error)", cause: error)
    }
}
