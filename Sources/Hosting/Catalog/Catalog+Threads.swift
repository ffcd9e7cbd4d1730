import Blocking
import GitHost
import Logging
import SystemPackage

extension Catalog {
    /// Tells the log, once, of repositories whose disk work or git does not come to its end, until the task is
    /// cancelled.
    func watchThreads() async {
        var told = StuckJobs()
        var toldOfGit: [FilePath: Int] = [:]
        while !Task.isCancelled {
            let stuck = services.pool.stuck()
            for news in Self.news(stuck, since: told) {
                services.logger.error(
                    "disk work does not come to its end; other repositories are served on",
                    metadata: ["folder": "\(news.owner)", "threads": "\(news.threads)"])
            }
            told = stuck
            let git = GitChildren.all.stuck()
            for (folder, count) in git.sorted(by: { $0.key.string < $1.key.string }) where toldOfGit[folder] == nil {
                services.logger.error(
                    "git processes do not come to their end; other repositories are served on",
                    metadata: ["folder": "\(folder)", "processes": "\(count)"])
            }
            toldOfGit = git
            try? await Task.sleep(for: Self.scanInterval)
        }
    }

    /// What is stuck now and was not before, sorted by owner.
    static func news(_ stuck: StuckJobs, since told: StuckJobs) -> [(owner: String, threads: Int)] {
        var news = stuck.threads.filter { told.threads[$0.key] == nil }.map { (owner: $0.key, threads: $0.value) }
        if stuck.ownThreads > 0, told.ownThreads == 0 {
            news.append((owner: "the host's own", threads: stuck.ownThreads))
        }
        return news.sorted { $0.owner < $1.owner }
    }
}
