import Blocking
import SystemPackage
import Testing

@testable import WebService

@Suite struct ReadinessTests {
    private func stuck(_ threads: [String: Int], own: Int = 0) -> StuckJobs {
        var stuck = StuckJobs()
        stuck.threads = threads
        stuck.ownThreads = own
        return stuck
    }

    @Test("ready while a thread is left, with a word on those that are stuck; not ready when all are")
    func readiness() {
        #expect(Readiness(stuck: stuck([:]), threads: 16).text == "ok")
        #expect(Readiness(stuck: stuck([:]), threads: 16).status == 200)
        let some = Readiness(stuck: stuck(["/srv/secret.git": 8]), threads: 16)
        #expect(some.status == 200)
        #expect(
            some.text
                == "ok, but 8 of 16 threads for disk work have been stuck for more than 60 s, in 1 place")
        // Anybody may ask.
        #expect(!some.text.contains("secret"))
        let all = Readiness(stuck: stuck(["/a": 8, "/b": 7], own: 1), threads: 16)
        #expect(all.status == 503)
        #expect(all.text.hasPrefix("not serving: 16 of 16 threads") && all.text.hasSuffix("in 3 places"))
    }

    @Test("git processes that are waited for in vain are told of, and stop nobody else")
    func git() {
        let one = Readiness(stuck: stuck([:]), threads: 16, git: ["/srv/secret.git": 1])
        #expect(one.status == 200)
        #expect(one.text == "ok, but 1 git process has been waited for in vain for more than 60 s, in 1 place")
        let both = Readiness(stuck: stuck(["/a": 2]), threads: 16, git: ["/a": 2, "/b": 1])
        #expect(both.text.hasPrefix("ok, but 2 of 16 threads"))
        #expect(both.text.hasSuffix("; 3 git processes have been waited for in vain for more than 60 s, in 2 places"))
    }
}
