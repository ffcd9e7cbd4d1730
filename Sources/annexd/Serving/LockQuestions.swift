import AnnexProtocol
import Hosting

/// What commands can ask the server about the content locks it holds for clients.
enum LockQuestions {
    static func handlers(_ locks: LockTable) -> [String: ControlServer.Handler] {
        [
            "locks.list": { _ in ["locks": .array(await locks.list().map(\.json))] },
            "locks.break": { parameters in
                guard let text = parameters["key"]?.string, let key = try? Key(parsing: text) else {
                    throw Failure("a key is missing")
                }
                guard let uuid = parameters["uuid"]?.string.flatMap({ RepositoryUUID($0) }) else {
                    throw Failure("the UUID of a repository is missing")
                }
                return ["locks": .array(await locks.breakLocks(on: key, in: uuid).map(\.json))]
            },
        ]
    }
}

extension LockTable.Description {
    fileprivate var json: JSONValue {
        [
            "path": .string("\(subject.name)"), "uuid": .string("\(subject.scope.repository)"),
            "location": .string("\(subject.scope.location)"), "key": .string("\(subject.key)"),
            "client": .string(client.name), "anonymous": .boolean(client.isAnonymous), "until": .number(until),
            "connected": .boolean(isConnected),
        ]
    }
}
