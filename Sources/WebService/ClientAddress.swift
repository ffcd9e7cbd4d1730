import Glibc

/// Where a request comes from.
struct ClientAddress: Hashable, CustomStringConvertible {
    /// The address without the port, or `unix` for a Unix socket.
    let description: String
    /// What bounds on one client count as one: an IPv4 address, or the /64 network that an IPv6 subscriber is given
    /// and can choose any address from.
    let group: String

    /// Whether this machine itself is meant.
    var isLocal: Bool { description == "unix" || description == "::1" || description.hasPrefix("127.") }

    /// The other end of a Unix socket.
    static let unix = ClientAddress(description: "unix", group: "unix")

    private init(description: String, group: String) {
        self.description = description
        self.group = group
    }

    /// Nil for anything that is not a numeric address. A zone (`%eth0`) is ignored, and an IPv4 address in the clothes
    /// of IPv6 is what it is.
    init?(_ text: some StringProtocol) {
        let bare = String(text.prefix { $0 != "%" })
        // What follows a NUL would not be looked at.
        if bare.utf8.contains(0) { return nil }
        var four = in_addr()
        if inet_pton(AF_INET, bare, &four) == 1 {
            self.init(description: bare, group: bare)
            return
        }
        var bytes = [UInt8](repeating: 0, count: 16)
        guard inet_pton(AF_INET6, bare, &bytes) == 1 else { return nil }
        if bytes[..<12] == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff] {
            let plain = bytes[12...].map(String.init).joined(separator: ".")
            self.init(description: plain, group: plain)
        } else {
            let network = bytes[..<8] + [UInt8](repeating: 0, count: 8)
            self.init(description: Self.text(bytes), group: Self.text(Array(network)) + "/64")
        }
    }

    private static func text(_ bytes: [UInt8]) -> String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(AF_INET6, bytes, &text, socklen_t(text.count)) != nil else { return "::" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// Who counts as one client by the other end of a connection alone.
public enum ClientGroup {
    /// - Parameter peer: the numeric address of the other end; nil for a Unix socket.
    public static func of(peer: String?) -> String { (peer.map { ClientAddress($0) ?? .unix } ?? .unix).group }
}

/// The proxies in front whose `X-Forwarded-For` is believed. Everybody else could write anything there.
public struct TrustedProxies: Sendable, Hashable {
    private var addresses: Set<String> = []

    /// Trusts nobody.
    public init() {}

    /// - Parameter texts: numeric addresses, and `unix` for whoever connects to a Unix socket. Nil when one is neither.
    public init?(_ texts: [String]) {
        for text in texts {
            guard let address = text == "unix" ? .unix : ClientAddress(text) else { return nil }
            addresses.insert(address.description)
        }
    }

    /// The client of a request.
    ///
    /// Each proxy appends the address that it was called from, so the last one that is not itself a proxy is the
    /// client; what stands before it is hearsay.
    /// - Parameters:
    ///   - peer: the address of the connection's other end; nil for a Unix socket.
    ///   - forwardedFor: the values of all `X-Forwarded-For` headers.
    func client(peer: String?, forwardedFor: [String]) -> ClientAddress {
        var client = peer.map { ClientAddress($0) ?? .unix } ?? .unix
        var hops = forwardedFor.flatMap { $0.split(separator: ",") }
        while addresses.contains(client.description), let hop = hops.popLast() {
            guard let next = ClientAddress(Self.withoutPort(Self.trimmed(hop))) else { break }
            client = next
        }
        return client
    }

    /// The address of `192.0.2.1:443` and `[2001:db8::1]:443`, which some proxies write; anything else as it is.
    private static func withoutPort(_ text: Substring) -> Substring {
        if text.first == "[" { return text.dropFirst().prefix { $0 != "]" } }
        let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        return parts.count == 2 ? parts[0] : text
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}
