import AnnexProtocol
import Glibc
import Locations
import Logging
import TestKit
import Testing

@testable import Remotes

/// Targets behind TLS, played by `openssl s_server`.
@Suite(.serialized) struct TLSTargetTests {
    private static let bytes = seededBytes(300_000, seed: 41)

    /// An authority, and a server with a certificate of it for `name` that has one key.
    private func withServer(
        name: String, _ body: (Int, String) async throws -> Void
    ) async throws {
        try await withScratch { try await play(name: name, in: $0.path, body) }
    }

    private func play(
        name: String, in folder: String, _ body: (Int, String) async throws -> Void
    ) async throws {
        let port = try StockServer.freePort()
        let key = try sha256Key(Self.bytes)
        // The server answers with the file of that name, head included.
        let answer = "git-annex/\(targetUUID)/v4/key/\(key)?clientuuid=\(gatewayUUID)&bypass=\(gatewayUUID)"
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\nX-git-annex-data-length: 300000\r\n\r\n"
        try await run(
            Command(
                [
                    "sh", "-ec",
                    """
                    cd "$0"
                    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=authority \
                        -keyout ca.key -out ca.pem
                    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=x -keyout key.pem -out req.pem
                    printf 'subjectAltName=\(name)' > ext
                    openssl x509 -req -in req.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out cert.pem
                    mkdir -p "${1%/*}"
                    cat > "$1"
                    """, folder, answer,
                ], input: Array(head.utf8) + Self.bytes
            ))
        let server = try Command(
            [
                "sh", "-c",
                """
                cd "$0"
                exec openssl s_server -accept 127.0.0.1:\(port) -cert cert.pem -key key.pem -HTTP -quiet
                """, folder,
            ]
        ).start()
        defer {
            server.signalGroup(SIGKILL)
            _ = server.finish(within: 10)
        }
        let listens = try await onThread { eventually { (try? RawConnection(port: port)) != nil } }
        try #require(listens)
        try await body(port, folder + "/ca.pem")
    }

    /// Reads the key; answers the error where that fails.
    private func fetch(_ port: Int, _ files: [String]) async throws -> LocationError? {
        var result: LocationError?
        try await withConnections(settings: testSettings { $0.caFiles = files }) { connections in
            let url = try #require(AnnexURL("annex+https://127.0.0.1:\(port)/"))
            let target = AnnexHTTPTarget(name: "node1", uuid: targetUUID, url: url)
            let location = connections.location(of: target, gateway: gatewayUUID, caller: Caller())
            do {
                #expect(try await read(location.open(try sha256Key(Self.bytes), for: Reading())) == Self.bytes)
            } catch let error as LocationError {
                result = error
            }
        }
        return result
    }

    @Test("a certificate counts only where its authority is trusted, and for its own name")
    func trust() async throws {
        try await withServer(name: "IP:127.0.0.1") { port, authority in
            let untrusted = try await fetch(port, [])
            #expect(untrusted?.code == .unreachable)
            #expect(
                untrusted?.message
                    == "node1 is unreachable: its certificate is not signed by an authority that is trusted here")
            #expect(try await fetch(port, [authority]) == nil)
        }
        try await withServer(name: "DNS:elsewhere.example") { port, authority in
            let otherName = try await fetch(port, [authority])
            #expect(otherName?.code == .unreachable)
            #expect(otherName?.message == "node1 is unreachable: its certificate is for another host name")
        }
    }

    @Test("a server without TLS, and files that are no certificates")
    func noTLS() async throws {
        let server = try ScriptedServer { connection, _ in
            try connection.answer("400 Bad Request", "")
            connection.waitForEnd()
        }
        defer { server.close() }
        let error = try await fetch(server.port, [])
        #expect(error?.code == .unreachable)
        #expect(error?.message == "node1 is unreachable: it does not speak TLS on that port")
        for file in ["/nonexistent.pem", "/etc/hostname"] {
            var settings = RemoteSettings()
            settings.caFiles = [file]
            let thrown = #expect(throws: LocationError.self) {
                _ = try RemoteConnections(
                    settings: settings, credentials: NoCredentials(),
                    logger: Logger(label: "x") { _ in SwiftLogNoOpLogHandler() })
            }
            #expect(thrown?.code == .notConfigured)
        }
    }
}
