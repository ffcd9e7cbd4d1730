import Blocking

/// What `/-/ready` answers: whether requests are served, and what keeps some of them from it.
struct Readiness: Equatable {
    /// 200 as long as some thread can do disk work, else 503.
    var status: Int
    /// `ok`, or `ok, but …`; names no repository, since anybody may ask.
    var text: String

    init(stuck: StuckJobs, threads: Int) {
        guard stuck.count > 0 else {
            (status, text) = (200, "ok")
            return
        }
        let isServing = stuck.count < threads
        status = isServing ? 200 : 503
        let places = stuck.threads.count + (stuck.ownThreads > 0 ? 1 : 0)
        text =
            (isServing ? "ok, but " : "not serving: ")
            + "\(stuck.count) of \(threads) threads for disk work have been stuck for more than "
            + "\(BlockingPool.stuckAfter.components.seconds) s, in \(places) \(places == 1 ? "place" : "places")"
    }
}
