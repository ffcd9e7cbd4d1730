/// What a repository, or the host where the repository says nothing, allows.
public struct Policy: Equatable, Sendable {
    /// The right of people without a login.
    public var anonymous: AnonymousRight

    /// The rights granted to accounts by name. An account that is not listed has the anonymous right, and no grant
    /// takes that away, since logging out would bring it back.
    public var users: [String: Right]

    /// Whether content may be locked at all.
    public var allowsLocking: Bool

    /// What refusals call the repository, for example `team/data`; nil leaves it out.
    public var repositoryName: String?

    public init(
        anonymous: AnonymousRight, users: [String: Right] = [:], allowsLocking: Bool = true,
        repositoryName: String? = nil
    ) {
        self.anonymous = anonymous
        self.users = users
        self.allowsLocking = allowsLocking
        self.repositoryName = repositoryName
    }

    /// The right of one caller. Unrecognized credentials give none, whatever anonymous people may do.
    func right(of identity: Identity) -> Right {
        switch identity {
        case .anonymous: anonymous
        case .unrecognized: .none
        case .user(let name): max(anonymous, users[name] ?? .none)
        }
    }
}
