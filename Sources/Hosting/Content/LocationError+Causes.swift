import AnnexBranch
import AnnexProtocol
import FileIO
import GitHost
public import Locations
import ObjectStore

/// What failures of this machine mean to those who ask for content: in one place, since each of the parts below has
/// errors of its own, and whoever asks must be able to compare them with those of any other place.
extension LocationError {
    /// Nil for errors that say nothing of a repository's disk, branch or processes.
    public init?(of error: any Error) {
        switch error {
        case let error as LocationError: self = error
        case let error as HostingError: self.init(error)
        case let error as ObjectStoreError: self.init(error)
        case let error as FileError: self.init(error)
        case let error as AnnexBranchError: self.init(error)
        case let error as GitError:
            if error.isOutOfSpace {
                self = .diskFull(error)
            } else if error.code == .timedOut {
                self.init(
                    .busy, "git did not answer in time; the operator finds the place in the log", cause: error)
            } else if error.code == .spawn {
                self.init(.failed, "the host cannot start git; its log tells the operator why", cause: error)
            } else if error.message.contains("Permission denied") {
                self = .notPermitted(error)
            } else {
                self.init(
                    .failed, "git failed on the host (\(error.command)); its log tells the operator why", cause: error)
            }
        default: return nil
        }
    }

    /// - Parameters:
    ///   - missing: bytes that must become free.
    ///   - reserve: those among them that are to stay free (`annex.diskreserve`).
    public static func notEnoughSpace(
        missing: UInt64, reserve: UInt64 = 0, cause: (any Error)? = nil
    ) -> LocationError {
        let kept = reserve == 0 ? "" : ", so that \(DataSize.describe(reserve)) stay free (annex.diskreserve)"
        return LocationError(
            .full, "Not enough space: need \(DataSize.describe(missing)) more\(kept)", missingBytes: missing,
            cause: cause)
    }

    /// It is not known how much is missing.
    private static func diskFull(_ cause: any Error) -> LocationError {
        LocationError(.full, "Not enough space on the server's disk", cause: cause)
    }

    private init(_ error: HostingError) {
        let code: Code
        var message = "\(error)"
        switch error {
        case .gone: code = .gone
        case .reconfigured: code = .reconfigured
        case .exists, .badName, .refused: code = .forbidden
        case .unfit(let name, _):
            code = .failed
            // Where a link leads is the operator's business; the log has it.
            message = "the repository \(name) is not served: annexd doctor tells its operator why"
        }
        self.init(code, message, cause: error)
    }

    private init(_ error: ObjectStoreError) {
        if let missing = error.missingBytes {
            self = .notEnoughSpace(missing: missing, cause: error)
        } else if let cause = error.cause as? FileError {
            self.init(cause)
        } else if let cause = error.cause as? HostingError {
            // The repository went away after it was found.
            self.init(cause)
        } else {
            self.init(.failed, "the object store failed", cause: error)
        }
    }

    private init(_ error: AnnexBranchError) {
        switch error.code {
        case .locked, .contention, .closed:
            self.init(.busy, "the git-annex branch is busy; try again", cause: error)
        case .nameTooLong: self.init(.forbidden, "the name of the key is too long to be logged", cause: error)
        case .readOnly: self.init(.forbidden, error.message, cause: error)
        case .unexpectedContent, .brokenTree, .tooMuch, .failed:
            self.init(.failed, "the git-annex branch could not be changed", cause: error)
        }
    }
}

/// Runs what a place on this machine does, and throws ``LocationError`` or `CancellationError` whatever fails there.
public func inLocationErrors<Result>(_ body: () async throws -> Result) async throws -> Result {
    do {
        return try await body()
    } catch let error as CancellationError {
        throw error
    } catch {
        throw LocationError(of: error) ?? LocationError(.failed, "the server failed", cause: error)
    }
}
