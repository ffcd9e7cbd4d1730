/// What someone may do with a repository. Each right includes those before it.
public enum Right: String, CaseIterable, Comparable, Sendable {
    /// Nothing at all.
    case none

    /// See and fetch: clone, get, check presence, and lock content while dropping their own copy (spec 01 §6.8).
    case read

    /// Also add: send content, push what moves refs forward, create repositories.
    case append

    /// Also remove content, and rewrite and delete what is in git.
    case write

    public static func < (left: Right, right: Right) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .none: 0
        case .read: 1
        case .append: 2
        case .write: 3
        }
    }
}

/// The right of people without a login, as `--anonymous` sets it.
public typealias AnonymousRight = Right
