import NIOPosix
import Synchronization

/// The threads of a ``BlockingPool``, and who occupies them.
final class Crew: Sendable {
    /// Does a job, and answers what is left to do once the thread counts as free.
    typealias Job = @Sendable (_ isActive: Bool) -> () -> Void

    fileprivate struct Share {
        /// Jobs that have a thread, or wait for one among those of everybody.
        var admitted = 0
        /// Jobs that wait until others of this owner are done; the first is at `next`.
        var line: [Job] = []
        var next = 0

        mutating func takeFirst() -> Job? {
            guard next < line.count else { return nil }
            defer {
                next += 1
                if next == line.count { (line, next) = ([], 0) }
            }
            return line[next]
        }
    }

    fileprivate struct State {
        var shares: [String: Share] = [:]
        var running: [UInt64: (owner: String?, since: ContinuousClock.Instant)] = [:]
        var waiting = 0
        var lastID: UInt64 = 0
    }

    let perOwner: Int
    private let threads: NIOThreadPool
    private let state = Mutex(State())

    init(threadCount: Int) {
        perOwner = max(1, threadCount / 2)
        threads = NIOThreadPool(numberOfThreads: threadCount)
        threads.start()
    }

    var waiting: Int { state.withLock { $0.waiting } }
    var running: Int { state.withLock { $0.running.count } }

    func stuck(at now: ContinuousClock.Instant) -> StuckJobs {
        state.withLock { state in
            var stuck = StuckJobs()
            for job in state.running.values where job.since.duration(to: now) > BlockingPool.stuckAfter {
                if let owner = job.owner { stuck.threads[owner, default: 0] += 1 } else { stuck.ownThreads += 1 }
            }
            return stuck
        }
    }

    func submit(for owner: String?, _ job: @escaping Job) {
        let isAdmitted = state.withLock { state in
            state.waiting += 1
            guard let owner else { return true }
            guard state.shares[owner, default: Share()].admitted < perOwner else {
                state.shares[owner]?.line.append(job)
                return false
            }
            state.shares[owner, default: Share()].admitted += 1
            return true
        }
        if isAdmitted { start(job, for: owner) }
    }

    private func start(_ job: @escaping Job, for owner: String?) {
        threads.submit { state in
            guard case .active = state else { return self.cancel(job, for: owner) }
            let id = self.state.withLock { state in
                state.waiting -= 1
                state.lastID += 1
                state.running[state.lastID] = (owner, .now)
                return state.lastID
            }
            let afterwards = job(true)
            let next = self.state.withLock { state in
                state.running[id] = nil
                return owner.flatMap { state.end($0) }
            }
            if let next { self.start(next, for: owner) }
            afterwards()
        }
    }

    /// The threads have ended: nothing of what waits in line will have its turn.
    private func cancel(_ job: @escaping Job, for owner: String?) {
        let jobs = state.withLock { state in
            var jobs = [job]
            if let owner { while let next = state.end(owner) { jobs.append(next) } }
            state.waiting -= jobs.count
            return jobs
        }
        for job in jobs { job(false)() }
    }

    func shutdown() async {
        await withCheckedContinuation { continuation in
            threads.shutdownGracefully { _ in continuation.resume() }
        }
    }
}

extension Crew.State {
    /// Frees the place of a job that has ended, and answers the one of the same owner that takes it.
    fileprivate mutating func end(_ owner: String) -> Crew.Job? {
        if let next = shares[owner]?.takeFirst() { return next }
        shares[owner]?.admitted -= 1
        if shares[owner]?.admitted == 0 { shares[owner] = nil }
        return nil
    }
}
