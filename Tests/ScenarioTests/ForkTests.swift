// A fork that somebody puts into the root with `git clone --bare` has a git-annex branch and no UUID: clients clone it
// and get nothing. The log, `repo list`, `repo show` and `doctor` say so, until a push of the branch gives it a UUID.

import TestKit
import Testing

@Suite struct ForkTests {
    @Test("a fork without a UUID is told of in every place where an operator looks")
    func toldOf() throws {
        try withHost { host, alice in
            let tree = try alice.newRepository("work")
            try tree.write("a", "hello\n")
            try tree.add("a")
            let fork = host.hosted("team/fork")
            try Command(["mkdir", "-p", "\(host.root)/team"]).check()
            try Command(["git", "clone", "-q", "--bare", tree.path, fork.directory]).check()
            #expect(eventually { host.log.contains("has a git-annex branch and no UUID") })
            #expect(try host.repo("list").text.contains("team/fork (no UUID yet"))
            #expect(try host.repo("show", "team/fork").text.contains("the next push of git-annex gives it one"))
            let doctor = try host.annexd("doctor", "--root", host.root)
            #expect(doctor.allText.contains("has a git-annex branch and no UUID"), "\(doctor.transcript)")

            try tree.write("b", "more\n")
            try tree.add("b")
            try tree.git("remote", "add", "origin", fork.url)
            try tree.git("push", "-q", "origin", "main", "git-annex")
            #expect(try !fork.uuid().isEmpty)
            try tree.annex("copy", "--to", "origin", ".")
            #expect(try fork.p2p().checkPresent(tree.key("a")) == true)
            #expect(try !host.repo("list").text.contains("no UUID yet"))
            let times = host.log.split(separator: "\n").count { $0.contains("has a git-annex branch and no UUID") }
            #expect(times == 1)
        }
    }

    @Test("`proxy update` finds a remote's UUID also where its annex URL was set before")
    func annexURLBefore() throws {
        try withHost { host, alice in
            let other = try AnnexdHost(in: host.scratch, name: "-far")
            let far = try other.create("far/one")
            let gateway = try host.create("team/gateway")
            try gateway.setConfig("remote.far.url", far.url)
            try gateway.setConfig("remote.far.annexurl", "annex+\(other.baseURL)/far/one")
            try gateway.setConfig("remote.far.annex-proxy", "true")
            let update = try host.annexd("proxy", "update", "--root", host.root, "team/gateway")
            #expect(update.status == 0 && update.text.contains("Started proxying for far"), "\(update.transcript)")
            #expect(try gateway.config("remote.far.annex-uuid") == far.uuid())
            let p2p = P2PCalls(port: host.port, prefix: "/team/gateway", uuid: try far.uuid())
            let key = try p2p.store(Array("far away".utf8))
            #expect(try far.p2p().checkPresent(key) == true)
            try other.stop()
        }
    }
}
