import GitHost

/// What a push wants, read from the beginning of its body. Feed it the body until ``isComplete``.
public struct PushRequest: Sendable {
    private(set) var git = ReceivePackRequest()

    public init() {}

    /// How many bytes were fed so far.
    public var count: Int { git.count }
    /// Whether all commands are there.
    public var isComplete: Bool { git.isComplete }
    /// Git asks with nothing at all whether it may push, before it sends much.
    public var isQuestion: Bool { git.commands.isEmpty }
    /// Whether it makes or moves a ref; else it only deletes.
    public var bringsRefs: Bool { git.commands.contains { !$0.isDeletion } }

    /// What git is to read in place of all that was fed.
    public var forwarded: [UInt8] { git.forwarded }

    public mutating func receive(_ chunk: [UInt8]) throws(PushRefusal) {
        do { _ = try git.receive(chunk) } catch { throw Self.refusal(error) }
    }

    /// Says that the body has ended.
    public mutating func finish() throws(PushRefusal) {
        do { try git.finish() } catch { throw Self.refusal(error) }
    }

    private static func refusal(_ failure: ReceivePackRequest.Failure) -> PushRefusal {
        switch failure {
        case .tooLarge: PushRefusal(.tooLarge, "a push of so many refs is not accepted; push fewer at a time")
        case .notOffered("push-cert"):
            PushRefusal(.malformed, "signed pushes (push-cert) are not taken here; push without --signed")
        case .notOffered(let capability):
            PushRefusal(.malformed, "the push asks for \(capability), which is not offered here")
        case .malformed, .truncated: PushRefusal(.malformed, "not a push: \(failure)")
        }
    }
}

extension ReceivePackRequest {
    /// Whether it is to make `refs/heads/git-annex` where there is none.
    var createsAnnexBranch: Bool { commands.contains { $0.isAnnexBranch && $0.isCreation && !$0.isDeletion } }
    /// Whether it may change what is merged into the git-annex branch.
    var concernsAnnex: Bool { commands.contains(where: \.namesAnnexBranch) }
}

extension ReceivePackRequest.Command {
    /// `refs/heads/git-annex` itself.
    var isAnnexBranch: Bool { ref == Array(HostedRepository.branchRef.utf8) }

    /// Any ref that is merged into the git-annex branch.
    var namesAnnexBranch: Bool {
        ref.split(separator: UInt8(ascii: "/")).last?.elementsEqual("git-annex".utf8) == true
    }
}
