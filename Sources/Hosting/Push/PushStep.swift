import AnnexBranch
import GitHost

/// Something that follows from every push, before the client hears that it succeeded.
///
/// Later ones join the list: what an exporting remote is to get, a warning about refs whose content is nowhere.
public struct PushStep: Sendable {
    /// As the log names it.
    public let name: String
    let run: @Sendable (inout EndedPush) async throws -> Void

    public static let all = [annexBranch, head]

    /// Merges what was pushed into the git-annex branch, line by line, and compares with the object store what it says.
    ///
    /// A repository without a UUID becomes an annex when somebody pushes a git-annex branch to it, and one without
    /// objects takes over the tuning of the first branch that is pushed.
    static let annexBranch = PushStep(name: "the git-annex branch") { push in
        guard push.commands.contains(where: \.namesAnnexBranch) else { return }
        let manager = push.desk.manager
        if try await manager.adoptTuning(of: push.site.repository) { try await push.desk.reopen(&push.site) }
        if push.site.repository.branch == nil {
            try await manager.initialiseAnnex(of: push.site.repository)
            try await push.desk.reopen(&push.site)
        }
        try await push.site.repository.concludePush(
            movedBranch: push.commands.contains(where: \.isAnnexBranch), refs: push.commands.map(\.ref),
            commits: push.commitsToMerge)
    }

    /// Lets `HEAD` follow the best branch pushed.
    static let head = PushStep(name: "HEAD") { push in
        guard push.site.repository.isBare else { return }
        try await HeadFollower.follow(push.commands, in: push.site.repository.gitDirectory)
    }
}

/// A push that git has done with, as the steps after it see it.
struct EndedPush: Sendable {
    let commands: [ReceivePackRequest.Command]
    /// Those that git has refused because somebody else had moved the ref a moment before, by ref.
    let overtaken: [[UInt8]: ReceivePackRequest.Command]
    /// What is to be merged into the git-annex branch, wherever its ref may be by now.
    let commitsToMerge: [PushedCommit]
    var site: PushSite
    let desk: Pushes

    /// - Parameter report: what git says of the push; nil where it said nothing.
    init(
        _ commands: [ReceivePackRequest.Command], _ report: PushReport?, _ lockFailures: [[UInt8]: String],
        site: PushSite, desk: Pushes
    ) {
        self.commands = commands
        self.site = site
        self.desk = desk
        var refusals: [[UInt8]: String] = [:]
        for ref in report?.refs ?? [] { refusals[ref.name] = ref.refusal }
        var overtaken: [[UInt8]: ReceivePackRequest.Command] = [:]
        for command in commands where refusals[command.ref] != nil {
            if let failure = lockFailures[command.ref], PushWords.isRace(failure) { overtaken[command.ref] = command }
        }
        self.overtaken = overtaken
        let isReceived = report?.unpack == "ok"
        commitsToMerge = commands.compactMap { command in
            guard isReceived, !command.isDeletion, RefPolicy.isMerged(command.ref),
                refusals[command.ref] == nil || overtaken[command.ref] != nil
            else { return nil }
            return PushedCommit(ref: command.ref, commit: command.new)
        }
    }
}
