/// Why a request is refused before anything is looked up (spec 01 §6.3).
public struct P2PRequestError: Error, Hashable, Sendable {
    /// Which kind of refusal it is.
    public enum Code: Hashable, Sendable {
        /// No such path, version, or action in that version. Clients then try a lower version.
        case notFound
        case methodNotAllowed
        case badRequest
    }

    public var code: Code
    /// The text of the answer, in the stock program's words where it has some.
    public var message: String
    /// For a wrong method: those that are right, for the `Allow` header.
    public var allowedMethods: [String] = []

    /// The HTTP status of the answer.
    public var status: Int {
        switch code {
        case .notFound: 404
        case .methodNotAllowed: 405
        case .badRequest: 400
        }
    }

    static func notFound(_ message: String) -> P2PRequestError { P2PRequestError(code: .notFound, message: message) }

    static func badRequest(_ message: String) -> P2PRequestError {
        P2PRequestError(code: .badRequest, message: message)
    }

    static func missing(_ parameter: String) -> P2PRequestError {
        .badRequest("Query parameter \(parameter) is required")
    }

    static func bad(_ parameter: String, _ reason: String) -> P2PRequestError {
        .badRequest("Error parsing query parameter \(parameter) failed: \(reason)")
    }
}
