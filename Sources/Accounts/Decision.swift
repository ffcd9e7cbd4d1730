/// What to answer before any byte of the body is read.
public enum Decision: Hashable, Sendable {
    /// Carry on.
    case allow

    /// 401 with `WWW-Authenticate`: credentials, or better ones, could help.
    case authenticate

    /// 403 with this reason phrase. It is printable ASCII, since the stock client shows it and it stands in a status
    /// line.
    case forbid(reason: String)
}

/// Decides whether a caller may do something (spec 01 §6.8, and §2 of the design for what a right includes).
///
/// | caller | right suffices | right does not suffice |
/// |---|---|---|
/// | anonymous, accounts exist | allow | 401: a login could help |
/// | anonymous, no accounts, may read | allow | 403: no credentials could help |
/// | anonymous, no accounts, may not even read | – | 401, as for a repository that does not exist (spec 01 §6.9) |
/// | unrecognized credentials | 401 | 401, so that a client forgets them; stock's 200 and 403 make it keep them |
/// | a user | allow | 403 with name and right |
///
/// | right | read, gitRead, config, lock | write, gitWrite, create | remove, gitRewrite |
/// |---|---|---|---|
/// | `none` | – | – | – |
/// | `read` | yes | – | – |
/// | `append` | yes | yes | – |
/// | `write` | yes | yes | yes |
///
/// Locking that is switched off is 403 for every caller who may read, never 401: a 401 on `lockcontent` makes a plain
/// `git annex drop` ask for a password, while after a 403 it falls back to asking whether the content is present.
/// Who may not read gets the same answer as for everything else, so that a refused lock tells nothing about a private
/// repository.
///
/// - Parameter hasLogin: Whether there is any account that somebody could log in to.
public func decide(_ identity: Identity, _ permission: Permission, policy: Policy, hasLogin: Bool) -> Decision {
    if identity == .unrecognized { return .authenticate }
    let right = policy.right(of: identity)
    guard right >= permission.needed else {
        let hidesEverything = right == .none
        return identity == .anonymous && (hasLogin || hidesEverything)
            ? .authenticate : refusal(identity, right, policy)
    }
    return permission == .lock && !policy.allowsLocking ? .forbid(reason: "content cannot be locked here") : .allow
}

private func refusal(_ identity: Identity, _ right: Right, _ policy: Policy) -> Decision {
    let who = if case .user(let name) = identity { name } else { "anonymous users" }
    let target = policy.repositoryName.map { " " + $0 } ?? ""
    let reason =
        switch right {
        case .none: who + " may not access " + (policy.repositoryName ?? "this repository")
        case .read: who + " may only read" + target
        case .append, .write: who + " may not remove content" + (policy.repositoryName.map { " from " + $0 } ?? "")
        }
    return .forbid(reason: printable(reason))
}

/// The text with `?` for whatever a status line cannot carry: a line feed in a name would otherwise forge a header.
private func printable(_ text: String) -> String {
    String(decoding: text.utf8.map { 0x20...0x7e ~= $0 ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
}
