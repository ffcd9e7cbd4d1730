import Foundation

/// A running `git annex p2phttp` that serves one repository on a port of its own, without any login.
public final class StockServer {
    public let port: Int
    private let child: ChildProcess

    /// Starts it in a work tree or bare repository of `client` and waits until it accepts connections.
    public init(_ repository: WorkTree, options: [String] = ["--wideopen"]) throws {
        var said = ""
        // Somebody else may take the free port first.
        for _ in 0..<5 {
            let port = try Self.freePort()
            let words = ["git", "annex", "p2phttp", "--bind", "127.0.0.1", "--port", "\(port)", "-J4"] + options
            let started = try repository.client.command(words, in: repository.path).start()
            let isListening = eventually(within: 60) {
                started.status != nil || (try? RawConnection(port: port, timeout: 2)).map { $0.close() } != nil
            }
            if isListening, started.status == nil {
                self.port = port
                child = started
                repository.client.scratch.atEnd { [weak self] in self?.kill() }
                return
            }
            started.signalGroup(SIGKILL)
            said = started.finish(within: 10).transcript
        }
        throw TestKitError(.server, "p2phttp did not start: \(said)")
    }

    public var url: String { "annex+http://127.0.0.1:\(port)/" }
    public var pid: Int32 { child.pid }

    /// Ends it as a power cut does; then nobody listens on its port.
    public func kill() {
        child.signalGroup(SIGKILL)
        _ = child.finish(within: 10)
        // What ended is git, which had started the server.
        _ = eventually(within: 10) { (try? RawConnection(port: port, timeout: 2)).map { $0.close() } == nil }
    }

    /// A port that was free a moment ago.
    public static func freePort() throws -> Int {
        let (descriptor, port) = try ListeningSocket.onFreePort(backlog: nil)
        close(descriptor)
        return port
    }
}
