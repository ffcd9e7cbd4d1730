import AnnexProtocol
import Locations
import NIOCore
import NIOHTTP1

/// Anything that begins with the status of an answer.
protocol WithStatus: Sendable {
    var answer: Exchange.Answer { get }
}

extension Exchange.Answer: WithStatus {
    var answer: Exchange.Answer { self }
}

extension Incoming: WithStatus {}

extension Client.UploadResult: WithStatus {}

extension Exchange.Answer {
    /// Whether the target does not know the path: the version is too new for it, or it has no such repository.
    ///
    /// The stock program answers 400 to versions that it does not have (spec 01 §6.3).
    var saysNoSuchPath: Bool {
        status == 404 || status == 400 && body.readableBytesView.starts(with: "bad version".utf8)
    }

    /// The reply of a 200 that must be one of the protocol.
    func reply(_ shape: P2PReply.Shape, from name: String) throws(LocationError) -> P2PReply {
        guard status == 200 else { throw failure(from: name) }
        let type = headers.first(name: "Content-Type") ?? ""
        let media = type.prefix { $0 != ";" && $0 != " " }.lowercased()
        guard media == "application/json" else {
            throw LocationError(.misbehaved, "\(name) answered with content of the type \"\(type.shortened)\"")
        }
        guard let reply = P2PReply(parsing: Array(body.readableBytesView), as: shape) else {
            throw LocationError(.misbehaved, "\(name) answered with a reply that the protocol does not have")
        }
        return reply
    }

    /// What an answer other than 200 means, with the target's own words.
    func failure(from name: String) -> LocationError {
        var message = "\(name): \(status)\(reason.isEmpty ? "" : " " + reason)"
        let code: LocationError.Code
        switch status {
        case 401: code = .unauthenticated
        case 403: code = .forbidden
        case 429, 503: code = .busy
        case 504: code = .timedOut
        case 507: code = .full
        case 508: code = .loop
        default:
            code = .misbehaved
            if let text = firstLine { message += ": \(text)" }
        }
        return LocationError(code, message)
    }

    /// The stock program tells the reason of a failure in the body.
    private var firstLine: String? {
        let line = body.readableBytesView.prefix(200).prefix { $0 != 10 && $0 != 13 }
        guard let text = String(validating: line, as: UTF8.self), !text.isEmpty,
            text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7f }), !text.hasPrefix("<")
        else { return nil }
        return text
    }
}

extension String {
    fileprivate var shortened: String { String(prefix(80)) }
}
