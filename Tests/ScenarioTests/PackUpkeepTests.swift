// Every push and every commit to the git-annex branch leaves a pack or loose objects. A server that runs for months
// must not have thousands of them.

import Foundation
import TestKit
import Testing

@Suite struct PackUpkeepTests {
    private func packs(_ repository: HostedRepository) throws -> Int {
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(repository.directory)/objects/pack")
        return names.count { $0.hasSuffix(".pack") }
    }

    @Test("docs/reliability.md: git's objects are packed while people push and clone; gc.auto = 0 leaves them alone")
    func packed() throws {
        try withRepository { repository, p2p, alice in
            let other = try repository.host.create("team/left-alone")
            try other.setConfig("gc.auto", "0")
            for (name, each) in [("tree", repository), ("other", other)] {
                try each.setConfig("gc.autoPackLimit", "4")
                let tree = try alice.annexClone(each.url, as: name)
                for push in 0..<9 {
                    for file in 0..<40 { try tree.write("d\(push)/f\(file)", Array("\(push) \(file)".utf8)) }
                    try tree.git("add", ".")
                    try tree.git("commit", "-qm", "\(push)")
                    try tree.git("push", "-q", "origin", "HEAD:main")
                }
            }
            var clones = 0
            let isPacked = try eventually(within: 60) {
                clones += 1
                _ = try alice.clone(repository.url, as: "clone\(clones)")
                return try packs(repository) <= 4 && repository.host.log.contains("objects were packed")
            }
            let left = try packs(repository)
            #expect(isPacked, "\(left) packs")
            #expect(try packs(other) >= 9)
            _ = try p2p.store(Array("afterwards".utf8))
            try repository.tree(alice).git("fsck", "--no-dangling", "--full")
        }
    }
}
