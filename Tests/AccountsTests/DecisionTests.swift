import Accounts
import Testing

@Suite struct DecisionTests {
    /// For each right: the permissions it includes, in full.
    private static let included: [(Right, Set<Permission>)] = [
        (.none, []),
        (.read, [.read, .gitRead, .config, .lock]),
        (.append, [.read, .gitRead, .config, .lock, .write, .gitWrite, .create]),
        (.write, Set(Permission.allCases)),
    ]

    private static let cells = included.flatMap { right, permissions in
        Permission.allCases.map { (right, $0, permissions.contains($0)) }
    }

    private static let refusals: [Right: String] = [
        .none: "may not access this repository", .read: "may only read", .append: "may not remove content",
    ]

    @Test("spec 01 #103, #112: anonymous with accounts: allow or 401", arguments: cells)
    func anonymousWithAccounts(right: Right, permission: Permission, isAllowed: Bool) {
        let decision = decide(.anonymous, permission, policy: Policy(anonymous: right), hasLogin: true)
        #expect(decision == (isAllowed ? .allow : .authenticate))
    }

    @Test(
        "anonymous without accounts: allow or 403 with a reason; 401 where nothing may even be read", arguments: cells)
    func anonymousWithoutAccounts(right: Right, permission: Permission, isAllowed: Bool) {
        let decision = decide(.anonymous, permission, policy: Policy(anonymous: right), hasLogin: false)
        let refusal =
            right == .none
            ? Decision.authenticate : .forbid(reason: "anonymous users " + Self.refusals[right, default: ""])
        #expect(decision == (isAllowed ? .allow : refusal))
    }

    @Test(
        "spec 01 #101: wrong or malformed credentials are 401 even where anonymous may do it", arguments: cells,
        [true, false])
    func unrecognized(cell: (Right, Permission, Bool), hasLogin: Bool) {
        #expect(
            decide(.unrecognized, cell.1, policy: Policy(anonymous: cell.0), hasLogin: hasLogin) == .authenticate)
    }

    @Test("spec 01 #102: a user: allow or 403, never 401", arguments: cells)
    func user(right: Right, permission: Permission, isAllowed: Bool) {
        let policy = Policy(anonymous: .none, users: ["bob": right])
        let decision = decide(.user("bob"), permission, policy: policy, hasLogin: true)
        #expect(decision == (isAllowed ? .allow : .forbid(reason: "bob " + Self.refusals[right, default: ""])))
    }

    @Test("a user without a grant, or with a lesser one, has the anonymous right", arguments: cells)
    func userFallsBackToAnonymous(right: Right, permission: Permission, isAllowed: Bool) {
        for users in [[:], ["bob": Right.none]] {
            let policy = Policy(anonymous: right, users: users)
            let decision = decide(.user("bob"), permission, policy: policy, hasLogin: true)
            #expect((decision == .allow) == isAllowed)
        }
    }

    @Test("spec 01 #104: disabled locking is 403 for readers and changes nothing else", arguments: cells)
    func lockingDisabled(right: Right, permission: Permission, isAllowed: Bool) {
        for hasLogin in [true, false] {
            let policy = Policy(anonymous: right, allowsLocking: false)
            let decision = decide(.anonymous, permission, policy: policy, hasLogin: hasLogin)
            let usual = decide(.anonymous, permission, policy: Policy(anonymous: right), hasLogin: hasLogin)
            if permission == .lock, isAllowed {
                #expect(decision == .forbid(reason: "content cannot be locked here"))
            } else {
                #expect(decision == usual)
            }
        }
    }

    @Test(
        "the reason names the repository",
        arguments: [
            (Right.none, Permission.read, "bob may not access team/data"),
            (.read, .write, "bob may only read team/data"),
            (.append, .remove, "bob may not remove content from team/data"),
        ])
    func namesRepository(right: Right, permission: Permission, reason: String) {
        let policy = Policy(anonymous: .none, users: ["bob": right], repositoryName: "team/data")
        #expect(decide(.user("bob"), permission, policy: policy, hasLogin: true) == .forbid(reason: reason))
    }

    /// The attack: a repository or user name with a line feed would add a header of its own to the answer.
    @Test func reasonCannotSplitTheStatusLine() {
        let policy = Policy(anonymous: .read, repositoryName: "a\r\nSet-Cookie: x\u{7f}é")
        let decision = decide(.user("m\u{0}\nallory"), .remove, policy: policy, hasLogin: true)
        #expect(decision == .forbid(reason: "m??allory may only read a??Set-Cookie: x???"))
    }

    @Test func rightsAreOrdered() {
        #expect(Right.allCases.sorted() == [.none, .read, .append, .write])
        #expect(Right.allCases.map(\.rawValue) == ["none", "read", "append", "write"])
    }
}
