import AnnexProtocol
import Gateways
import Hosting
import Remotes

extension Host {
    /// What commands can ask this server, by the name of the question.
    ///
    /// - Parameter urls: where it is reached, the best first.
    func controlHandlers(urls: [String]) -> [String: ControlServer.Handler] {
        let gateways = gateways
        var handlers = LockQuestions.handlers(locks)
        handlers["server.show"] = { _ in
            [
                "pid": .number(Int64(ProcessEnvironment.processIdentifier)),
                "urls": .array(urls.map { .string($0) }),
            ]
        }
        handlers["proxies.usage"] = { parameters in
            guard let path = parameters["path"]?.string, let name = RepositoryName(path) else {
                throw Failure("the question needs the path of a repository")
            }
            let usage = try await ProxyManager(name, in: gateways).usage()
            return .object(usage.mapValues { $0.json })
        }
        return handlers
    }
}

extension RemoteConnections.Usage {
    /// What ``init(json:)`` reads.
    var json: JSONValue {
        ["inUse": .number(Int64(inUse)), "open": .number(Int64(open)), "waiting": .number(Int64(waiting))]
    }

    init?(json: JSONValue) {
        guard let inUse = json["inUse"]?.number, let open = json["open"]?.number, let waiting = json["waiting"]?.number
        else { return nil }
        self.init(inUse: Int(inUse), open: Int(open), waiting: Int(waiting))
    }
}
