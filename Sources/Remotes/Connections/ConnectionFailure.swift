import AsyncHTTPClient
import Glibc
import Locations
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import SystemPackage

/// Why a request came to nothing, in words for a person.
enum ConnectionFailure {
    /// The error of the client library, as what is known of the target.
    static func remoteError(_ error: any Error, name: String, settings: RemoteSettings) -> RemoteError {
        if let error = error as? RemoteError { return error }
        if let error = error as? HTTPParserError {
            return error == .invalidEOFState
                ? RemoteError(.unreachable, "\(name) broke the connection in the middle of its answer")
                : RemoteError(.misbehaved, "\(name) sent something that is not HTTP")
        }
        if error is NIOHTTPDecoderError {
            return RemoteError(.misbehaved, "\(name) sent something that nobody had asked for")
        }
        if isOutOfDescriptors(error) { return RemoteError(.busy, "the server has too many files open; try again") }
        return RemoteError(.unreachable, "\(name) is unreachable: \(reason(error, settings))")
    }

    /// Whether it was for want of file descriptors on this side that no connection came about.
    private static func isOutOfDescriptors(_ error: any Error) -> Bool {
        switch error {
        case let error as NIOConnectionError: error.connectionErrors.contains { isOutOfDescriptors($0.error) }
        case let error as IOError: [EMFILE, ENFILE].contains(error.errnoCode)
        default: false
        }
    }

    /// Whether the connection was broken from the other side, rather than not made.
    static func isBrokenConnection(_ error: any Error) -> Bool {
        switch error {
        case let error as HTTPClientError: error == .remoteConnectionClosed
        case let error as IOError: [ECONNRESET, EPIPE, ENOTCONN, ETIMEDOUT].contains(error.errnoCode)
        case let error as ChannelError: [.ioOnClosedChannel, .alreadyClosed, .eof].contains(error)
        case let error as NIOSSLError: if case .uncleanShutdown = error { true } else { false }
        default: false
        }
    }

    private static func reason(_ error: any Error, _ settings: RemoteSettings) -> String {
        switch error {
        case let error as NIOConnectionError:
            guard let first = error.connectionErrors.first else { return "its host \(error.host) cannot be found" }
            return reason(first.error, settings)
        case let error as IOError: return Errno(rawValue: error.errnoCode).description.lowercased()
        case let error as HTTPClientError:
            switch error {
            case .connectTimeout, .getConnectionFromPoolTimeout, .tlsHandshakeTimeout:
                return "no connection within \(settings.connectTimeout.wholeSeconds) s"
            case .remoteConnectionClosed: return "it closed the connection before it had answered"
            case .cancelled, .alreadyShutdown: return "this host is shutting down"
            default: return error.shortDescription.lowercased()
            }
        case ChannelError.connectTimeout: return "no connection within \(settings.connectTimeout.wholeSeconds) s"
        case is ChannelError: return "it closed the connection before it had answered"
        case let error as NIOSSLExtraError:
            return error == .failedToValidateHostname
                ? "its certificate is for another host name" : "its certificate cannot be checked: \(error)"
        case let error as NIOSSLError: return reason(error)
        default: return "\(error)"
        }
    }

    private static let untrusted = "its certificate is not signed by an authority that is trusted here"

    private static func reason(_ error: NIOSSLError) -> String {
        switch error {
        case .handshakeFailed(let cause):
            let text = "\(cause)"
            if text.contains("CERTIFICATE_VERIFY_FAILED") { return untrusted }
            if text.contains("WRONG_VERSION_NUMBER") { return "it does not speak TLS on that port" }
            if case .syscallError = cause { return "it closed the connection during the TLS handshake" }
            return "the TLS handshake failed: \(text)"
        case .unableToValidateCertificate: return untrusted
        case .uncleanShutdown: return "it closed the connection before it had answered"
        default: return "TLS failed: \(error)"
        }
    }
}

extension Duration {
    var wholeSeconds: Int64 { components.seconds }

    /// At most some 292 years.
    var timeAmount: TimeAmount { TimeAmount(self) }
}
