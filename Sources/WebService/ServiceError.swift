import GitHost
import Hosting
import Locations

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
    /// The one place where errors become answers. Whatever is not the client's doing is a 500 that says no more than
    /// which part failed; the log has the rest.
    init(_ error: any Error) {
        switch error {
        case let error as ServiceError: self = error
        case let error as RouteError:
            let allowed = error.allowedMethods.joined(separator: ", ")
            self.init(status: error.status, reason: error.reason, headers: allowed.isEmpty ? [] : [("Allow", allowed)])
        case let error as PushRefusal: self.init(error)
        case HostingError.exists: self.init(status: 409, reason: "\(error)")
        case HostingError.badName: self.init(status: 400, reason: "\(error)")
        // The client that waited has left and hears nothing, or the server is shutting down.
        case is CancellationError:
            self.init(status: 503, reason: "the server is ending; try again", headers: [("Retry-After", "5")])
        case is BodyBroken: self.init(status: 408, reason: "the rest of the request did not come")
        case let error as GitError where error.objectionToRequest != nil:
            self = .badRequest("git does not understand the request: \(error.objectionToRequest ?? "")")
        default:
            if let error = LocationError(of: error) {
                self.init(error)
            } else {
                self.init(status: 500, reason: "Internal Server Error")
            }
        }
    }

    init(_ error: LocationError) {
        let (status, retryAfter) = Self.table[error.code] ?? (500, nil)
        self.init(
            status: status, reason: error.message, headers: retryAfter.map { [("Retry-After", "\($0)")] } ?? [])
    }

    /// What each failure of a place is in HTTP, and after how many seconds the client should try again.
    private static let table: [LocationError.Code: (status: Int, retryAfter: Int?)] = [
        .unreachable: (502, nil), .timedOut: (504, nil), .full: (507, nil), .forbidden: (403, nil),
        .unauthenticated: (502, nil), .busy: (503, 5), .misbehaved: (502, nil), .loop: (508, nil),
        .notConfigured: (502, nil), .gone: (404, nil), .reconfigured: (503, 1), .failed: (500, nil),
    ]

    private init(_ error: PushRefusal) {
        switch error.code {
        case .malformed: self = .badRequest(error.reason)
        case .tooLarge: self.init(status: 413, reason: error.reason)
        case .forbidden: self = .forbidden(error.reason)
        case .busy: self.init(status: 503, reason: error.reason, headers: [("Retry-After", "5")])
        }
    }
}

extension ServiceError {
    /// The reason once more, for clients that show the body and not the status line. Our reasons for JSON are plain
    /// text.
    var body: String {
        bodyType.contains("json") ? "{\"message\":\"\(reason)\"}\n" : reason + "\n"
    }
}
