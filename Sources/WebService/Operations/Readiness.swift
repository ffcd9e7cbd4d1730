import Blocking
import GitHost
import SystemPackage

/// What `/-/ready` answers: whether requests are served, and what keeps some of them from it.
struct Readiness: Equatable {
    /// 200 as long as some thread can do disk work, else 503.
    var status: Int
    /// `ok`, or `ok, but …`; names no repository, since anybody may ask.
    var text: String

    /// - Parameter git: how many git processes are stuck in each repository.
    init(stuck: StuckJobs, threads: Int, git: [FilePath: Int] = [:]) {
        let isServing = stuck.count < threads
        status = isServing ? 200 : 503
        var troubles: [String] = []
        if stuck.count > 0 {
            let places = stuck.threads.count + (stuck.ownThreads > 0 ? 1 : 0)
            troubles.append(
                "\(stuck.count) of \(threads) threads for disk work have been stuck for more than "
                    + "\(BlockingPool.stuckAfter.components.seconds) s, in \(Self.places(places))")
        }
        if !git.isEmpty {
            let count = git.values.reduce(0, +)
            troubles.append(
                "\(count) git \(count == 1 ? "process has" : "processes have") been waited for in vain for more than "
                    + "\(GitChildren.stuckAfter.components.seconds) s, in \(Self.places(git.count))")
        }
        let verdict = isServing ? (troubles.isEmpty ? "ok" : "ok, but ") : "not serving: "
        text = verdict + troubles.joined(separator: "; ")
    }

    private static func places(_ count: Int) -> String { "\(count) \(count == 1 ? "place" : "places")" }
}
