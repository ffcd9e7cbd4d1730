/// The credential helpers of the machine and of the user who runs annexd (git-credential(1)).
///
/// This is a deliberate exception from the clean environment of ``GitCommand``: which helpers there are, and what they
/// know, is the configuration of that user. It is run outside of any repository, so no repository's configuration has
/// a say, and nobody is asked anything.
public struct GitCredential: Sendable {
    /// How long a helper may take.
    private let patience: Duration

    public init(patience: Duration = .seconds(20)) { self.patience = patience }

    /// What a login is for and, once it is known, the login; values are bytes without NUL and line feed.
    public struct Description: Sendable {
        /// For example `https`; any scheme of a URL.
        public var scheme: String
        /// Host, and port where the URL names one.
        public var host: String
        /// Without a slash at its start.
        public var path: String
        public var user: [UInt8]?
        public var password: [UInt8]?

        public init(scheme: String, host: String, path: String, user: [UInt8]? = nil, password: [UInt8]? = nil) {
            self.scheme = scheme
            self.host = host
            self.path = path
            self.user = user
            self.password = password
        }
    }

    /// Asks for a login: the description with user and password, or nil where no helper knows them.
    public func fill(_ description: Description) async throws -> Description? {
        guard let input = Self.lines(description) else { return nil }
        let result = try await run("fill", input)
        guard result.status == 0 else { return nil }
        var answer = description
        for line in result.output.split(separator: UInt8(ascii: "\n")) {
            if line.starts(with: "username=".utf8) { answer.user = Array(line.dropFirst("username=".utf8.count)) }
            if line.starts(with: "password=".utf8) { answer.password = Array(line.dropFirst("password=".utf8.count)) }
        }
        guard answer.user?.isEmpty == false, answer.password?.isEmpty == false else { return nil }
        return answer
    }

    /// Tells the helpers that the login worked, so that they may keep it.
    public func approve(_ description: Description) async throws {
        if let input = Self.lines(description) { _ = try await run("approve", input) }
    }

    /// Tells the helpers that the login was refused, so that they forget it.
    public func reject(_ description: Description) async throws {
        if let input = Self.lines(description) { _ = try await run("reject", input) }
    }

    private func run(_ action: String, _ input: [UInt8]) async throws -> GitOutput {
        let patience = patience
        return try await withThrowingTaskGroup(of: GitOutput.self) { group in
            group.addTask {
                try await GitCommand(asThisUser: ["credential", action]).run(input: input, limit: 64 << 10)
            }
            group.addTask {
                try await Task.sleep(for: patience)
                throw GitError(
                    code: .exit(-15), command: "credential \(action)", message: "no answer within \(patience)")
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }

    /// Nil where a value would end its line: it could then say something else to a helper.
    private static func lines(_ description: Description) -> [UInt8]? {
        var fields: [(String, [UInt8])] = [
            ("protocol", Array(description.scheme.utf8)), ("host", Array(description.host.utf8)),
        ]
        if !description.path.isEmpty { fields.append(("path", Array(description.path.utf8))) }
        if let user = description.user { fields.append(("username", user)) }
        if let password = description.password { fields.append(("password", password)) }
        guard !fields.contains(where: { $0.1.contains { $0 == 0 || $0 == 10 || $0 == 13 } }) else { return nil }
        return fields.flatMap { Array("\($0.0)=".utf8) + $0.1 + [10] } + [10]
    }
}
