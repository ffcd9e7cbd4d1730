import AnnexProtocol
import Hosting

/// What a clone URL is, for people who open it in a browser.
struct RepositoryPage {
    let context: ServiceContext
    let exchange: Exchange

    /// Programs that ask for something else get what they always got.
    func run(_ name: RepositoryName) async throws {
        guard exchange.header("Accept")?.lowercased().contains("text/html") == true else {
            throw RouteError.notFound
        }
        let repository = try await context.readable(name, exchange)
        exchange.note(repository: repository.name, operation: "page")
        guard let address = context.publicAddress ?? exchange.addressUsed else {
            throw ServiceError.badRequest("the Host header is not a host")
        }
        let text = RepositoryPageText(
            name: repository.name, isAnnex: repository.uuid != nil, cloneURL: address.cloneURL(of: repository.name))
        try await exchange.respond(
            status: 200,
            headers: [
                ("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-cache"), ("Vary", "Accept"),
                // The page has no script, and no other may get into it.
                ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
                ("X-Content-Type-Options", "nosniff"),
            ], body: Array(text.html.utf8))
    }
}

/// The page's text.
struct RepositoryPageText {
    var name: RepositoryName
    var isAnnex: Bool
    var cloneURL: String

    var html: String {
        let title = Self.escaped("\(name)")
        let kind = isAnnex ? "a git-annex repository" : "a git repository"
        var commands = "git clone \(Self.escaped(cloneURL))"
        if isAnnex { commands += "\n\n# then, in the clone, for the content of a file:\ngit annex get FILE" }
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>\(title)</title></head>
            <body>
            <h1>\(title)</h1>
            <p>This is \(kind). Its address is for git, not for a browser:</p>
            <pre>\(commands)</pre>
            </body>
            </html>

            """
    }

    /// Attack: a repository's name may hold any sign of HTML.
    static func escaped(_ text: String) -> String {
        // Bytes, since a sign with an accent on it is another character, and yet the sign for a browser.
        let bytes = text.utf8.flatMap { byte -> [UInt8] in
            switch byte {
            case UInt8(ascii: "&"): Array("&amp;".utf8)
            case UInt8(ascii: "<"): Array("&lt;".utf8)
            case UInt8(ascii: ">"): Array("&gt;".utf8)
            case UInt8(ascii: "\""): Array("&quot;".utf8)
            case UInt8(ascii: "'"): Array("&#39;".utf8)
            default: [byte]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension PublicAddress {
    /// The URL to clone a repository, with `.git`.
    func cloneURL(of name: RepositoryName) -> String {
        let standard = scheme == "https" ? 443 : 80
        let encoded = name.components.map { String(decoding: PercentEncoding.encode($0.utf8), as: UTF8.self) }
        return "\(scheme)://\(host)\(port == standard ? "" : ":\(port)")\(path)/\(encoded.joined(separator: "/")).git"
    }
}
