// Two people drop the same files at the same time, one from each of two servers. Each of them needs the copy on the
// other server to be locked, and so at most one may succeed: a copy must always remain.

import Foundation
import TestKit
import Testing

@Suite struct RacingDropTests {
    /// Files that are raced for; each is one round. `ANNEXD_TEST_RACING_DROPS=1000` is the long form.
    private var rounds: Int {
        ProcessInfo.processInfo.environment["ANNEXD_TEST_RACING_DROPS"].flatMap { Int($0) } ?? 12
    }

    /// How many files one pair of processes races for, so that they stay side by side.
    private let batch = 6

    @Test(
        "spec 01 §4.4, §6.7: however drops race, at least numcopies copies are left", .timeLimit(.minutes(240)),
        arguments: [1, 2])
    func race(numCopies: Int) throws {
        try ScratchDirectory.with { scratch in
            // With numcopies 2 there is a third copy, on one server in a repository of its own.
            let hosts = try ["one", "two"].map { name in
                try AnnexdHost(in: try ScratchDirectory("racing-\(name)"), AnnexdHost.Options())
            }
            defer { for host in hosts { host.scratch.close() } }
            var places = [try hosts[0].create("data"), try hosts[1].create("data")]
            if numCopies == 2 { places.append(try hosts[0].create("third")) }

            let alice = try StockClient(in: scratch)
            let source = try alice.newRepository("source")
            let names = (0..<rounds).map { "file\($0)" }
            for (number, name) in names.enumerated() { try source.write(name, seededBytes(2000, seed: UInt64(number))) }
            try alice.command(["git", "annex", "add", "--quiet", "."], in: source.path).check()
            try source.git("commit", "-qm", "files")
            try source.annex("numcopies", "\(numCopies)")
            // Clients lock only so many of the copies that they count on, and merely look at the others (spec 02 §7).
            try source.annex("mincopies", "\(numCopies)")
            for (number, place) in places.enumerated() { try source.git("remote", "add", "place\(number)", place.url) }
            try source.annex("push", "--no-content")
            for number in places.indices {
                try source.annex("copy", "--quiet", "-J4", "--to=place\(number)", timeout: 1800)
            }
            try source.annex("push", "--no-content")

            // Two people without a copy of their own, each knowing where the copies are.
            let people = try (0..<2).map { number in
                let person = try StockClient(in: scratch, name: "person\(number)")
                let tree = try person.annexClone(places[number].url, as: "tree\(number)")
                for (number, place) in places.enumerated() {
                    try tree.git("remote", "add", "place\(number)", place.url)
                }
                try tree.git("remote", "remove", "origin")
                try tree.annex("pull", "--no-content")
                // The copy in the repository that made the files is out of reach.
                return tree
            }
            let keys = try source.annex("find", "--format=${key}\\n").lines
            #expect(keys.count == rounds)
            let calls = try places.map { try $0.p2p() }

            var dropped = 0
            for start in stride(from: 0, to: rounds, by: batch) {
                let files = Array(names[start..<min(start + batch, rounds)])
                let racers = try people.enumerated().map { number, tree in
                    try tree.client.command(
                        ["git", "annex", "drop", "--from=place\(number)", "-J2", "--"] + files, in: tree.path
                    ).start()
                }
                // Refused drops make the command fail; that is the point.
                for racer in racers { #expect(!racer.finish(within: 300).timedOut) }
                for file in files {
                    let key = try source.key(file)
                    let copies = try calls.filter { try $0.checkPresent(key) == true }.count
                    #expect(copies >= numCopies, "\(file): \(copies) copies are left")
                    dropped += places.count - copies
                }
            }
            // The race is worth something only if drops do succeed.
            #expect(dropped > 0)
            print("racing drops, numcopies \(numCopies): \(dropped) of \(rounds) succeeded, always on one side only")
            for host in hosts {
                let locks = try host.locks(["list"])
                #expect(locks.text.isEmpty, "\(locks.text)")
                try host.stop()
            }
        }
    }
}
