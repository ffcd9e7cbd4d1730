import AnnexBranch
import AnnexProtocol
import FileIO
import GitHost
import Hosting
import Locations
import ObjectStore
import SystemPackage

/// A request that ends with something other than success: what the client is told.
///
/// The reason goes onto the status line, since the stock client prints that and nothing else (spec 01 §6.2).
struct ServiceError: Error, Sendable {
    var status: Int
    var reason: String
    var headers: [(String, String)] = []
    /// The type of the body that repeats the reason: text, or JSON with the reason as its `message`.
    var bodyType = "text/plain; charset=utf-8"

    static func badRequest(_ reason: String) -> ServiceError { ServiceError(status: 400, reason: reason) }
    static func notFound(_ reason: String) -> ServiceError { ServiceError(status: 404, reason: reason) }
    static func forbidden(_ reason: String) -> ServiceError { ServiceError(status: 403, reason: reason) }

    /// Where it is not known how much is missing.
    static let diskFull = ServiceError(status: 507, reason: "Not enough space on the server's disk")

    static let readOnlyDisk = ServiceError.forbidden("nothing can be stored: the server's file system is read-only")

    /// To a client of Git LFS, which shows people the message of a JSON body alone.
    static let gitLFS = ServiceError(
        status: 501, reason: "this host keeps large files with git-annex, not with Git LFS",
        bodyType: "application/vnd.git-lfs+json")

    /// Asks for credentials (spec 01 §6.8).
    static let unauthenticated = ServiceError(
        status: 401, reason: "Unauthorized",
        headers: [("WWW-Authenticate", "Basic realm=\"git-annex\", charset=\"UTF-8\"")])
}

extension ServiceError {
    init(_ refusal: Refusal) {
        switch refusal {
        case .notEnoughSpace(let missing, let reserve):
            let kept = reserve == 0 ? "" : ", so that \(ByteCount(reserve)) stay free (annex.diskreserve)"
            self.init(status: 507, reason: "Not enough space: need \(ByteCount(missing)) more\(kept)")
        case .forbidden(let reason): self.init(status: 403, reason: reason)
        case .overloaded(let reason): self.init(status: 503, reason: reason, headers: [("Retry-After", "5")])
        }
    }

    /// The one place where errors become answers. Whatever is not the client's doing is a 500 that says no more than
    /// which part failed; the log has the rest.
    init(_ error: any Error) {
        switch error {
        case let error as ServiceError: self = error
        case let error as RouteError:
            let allowed = error.allowedMethods.joined(separator: ", ")
            self.init(status: error.status, reason: error.reason, headers: allowed.isEmpty ? [] : [("Allow", allowed)])
        case let error as Refusal: self.init(error)
        case let error as RemoteError: self.init(error)
        case let error as HostingError: self.init(error)
        case let error as ObjectStoreError: self.init(error)
        case let error as FileError: self.init(error)
        case let error as AnnexBranchError: self.init(error)
        // The client that waited has left and hears nothing, or the server ends and has the time to say so.
        case is CancellationError:
            self.init(status: 503, reason: "the server is ending; try again", headers: [("Retry-After", "5")])
        case is BodyBroken: self.init(status: 408, reason: "the rest of the request did not come")
        case let error as GitError where error.isOutOfSpace: self = .diskFull
        case let error as GitError where error.code == .timedOut:
            self.init(
                status: 503, reason: "git did not answer in time; the operator finds the place in the log",
                headers: [("Retry-After", "5")])
        case let error as GitError where error.objectionToRequest != nil:
            self = .badRequest("git does not understand the request: \(error.objectionToRequest ?? "")")
        case let error as GitError: self.init(status: 500, reason: "git failed: \(error.command)")
        default: self.init(status: 500, reason: "Internal Server Error")
        }
    }

    private init(_ error: RemoteError) {
        switch error.code {
        case .timedOut: self.init(status: 504, reason: error.message)
        case .full: self.init(status: 507, reason: error.message)
        case .forbidden: self.init(status: 403, reason: error.message)
        case .busy: self.init(status: 503, reason: error.message, headers: [("Retry-After", "5")])
        case .loop: self.init(status: 508, reason: error.message)
        default: self.init(status: 502, reason: error.message)
        }
    }

    private init(_ error: HostingError) {
        switch error {
        case .gone: self.init(status: 404, reason: "\(error)")
        case .reconfigured: self.init(status: 503, reason: "\(error)", headers: [("Retry-After", "1")])
        case .exists: self.init(status: 409, reason: "\(error)")
        case .badName: self.init(status: 400, reason: "\(error)")
        case .refused: self.init(status: 403, reason: "\(error)")
        // Where a link leads is the operator's business; the log has it.
        case .unfit(let name, _):
            self.init(status: 500, reason: "the repository \(name) is not served: annexd doctor tells its operator why")
        }
    }

    private init(_ error: ObjectStoreError) {
        if let missing = error.missingBytes {
            self.init(status: 507, reason: "Not enough space: need \(ByteCount(missing)) more")
        } else if let cause = error.cause as? FileError {
            self.init(cause)
        } else if let cause = error.cause as? HostingError {
            // The repository went away after it was found.
            self.init(cause)
        } else {
            self.init(status: 500, reason: "the object store failed")
        }
    }

    private init(_ error: AnnexBranchError) {
        switch error.code {
        case .locked, .contention, .closed:
            self.init(
                status: 503, reason: "the git-annex branch is busy; try again", headers: [("Retry-After", "5")])
        case .nameTooLong: self.init(status: 403, reason: "the name of the key is too long to be logged")
        case .readOnly: self.init(status: 403, reason: error.message)
        case .unexpectedContent, .brokenTree, .tooMuch, .failed:
            self.init(status: 500, reason: "the git-annex branch could not be changed")
        }
    }

    private init(_ error: FileError) {
        if error.isOutOfSpace {
            self = .diskFull
        } else if error.isOutOfDescriptors {
            self.init(
                status: 503, reason: "the server has too many files open; try again", headers: [("Retry-After", "5")])
        } else if error.code == .readOnlyFileSystem {
            self = .readOnlyDisk
        } else {
            self.init(status: 500, reason: "\(error.operation) failed on the server: \(error.code)")
        }
    }
}

extension ServiceError {
    /// The reason once more, for clients that show the body and not the status line. Our reasons for JSON are plain text.
    var body: String {
        bodyType.contains("json") ? "{\"message\":\"\(reason)\"}\n" : reason + "\n"
    }
}

/// A number of bytes for people: decimal units, one digit after the point.
struct ByteCount: CustomStringConvertible {
    private let value: UInt64

    init(_ value: UInt64) { self.value = value }

    var description: String {
        let units = ["kB", "MB", "GB", "TB", "PB", "EB"]
        guard value >= 1000 else { return "\(value) bytes" }
        var divisor: UInt64 = 1000
        var unit = 0
        while value / divisor >= 1000 && unit + 1 < units.count {
            divisor *= 1000
            unit += 1
        }
        // Rounded up: whoever frees exactly this much must succeed.
        let tenths = value / (divisor / 10) + (value % (divisor / 10) == 0 ? 0 : 1)
        return "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }
}
