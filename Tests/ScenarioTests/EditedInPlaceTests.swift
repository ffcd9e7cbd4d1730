// In a repository with a work tree and annex.thin, an unlocked file is the object itself. Somebody edits it in place
// and keeps its length. A client that is told "already here" by putoffset, put or checkpresent may drop the last good
// copy.
//
// The same where an object was made writable by hand.

import Foundation
import TestKit
import Testing

@Suite struct EditedInPlaceTests {
    @Test("what was edited in place is neither present, nor locked, nor taken for stored; an upload replaces it")
    func thin() throws {
        try withWorkTree { tree, p2p in
            try tree.git("config", "annex.thin", "true")
            let content = seededBytes(30_000, seed: 1)
            let key = try added(content, to: tree)
            try tree.annex("unlock", "f")
            #expect(try p2p.checkPresent(key) == true)
            #expect(try p2p.get(key).body == content)

            try edit("\(tree.path)/f")
            #expect(try p2p.checkPresent(key) == false)
            #expect(try p2p.get(key).status == 404)
            #expect(try p2p.lock(key) == nil)
            #expect(try p2p.putOffset(key) == 0)
            #expect(try p2p.put(key, content).bool("stored") == true)
            #expect(try p2p.get(key).body == content && p2p.checkPresent(key) == true)
            #expect(tree.read("f") != content, "what the person wrote is theirs")
        }
    }

    @Test("nor is an object that somebody made writable and changed")
    func writable() throws {
        try withWorkTree { tree, p2p in
            let content = seededBytes(30_000, seed: 2)
            let key = try added(content, to: tree)
            let object = try tree.annex("contentlocation", key).trimmed
            _ = try p2p.unlock(#require(try p2p.lock(key)))
            try tree.client.command(["chmod", "-R", "u+w", ".git/annex/objects"], in: tree.path).check()
            try edit("\(tree.path)/\(object)")
            #expect(try p2p.lock(key) == nil && p2p.checkPresent(key) == false)
            #expect(try p2p.put(key, content).bool("stored") == true)
            #expect(try p2p.get(key).body == content)
            try tree.annex("fsck", "f")
        }
    }

    /// A repository with a work tree below the root.
    private func withWorkTree(_ body: (WorkTree, P2PCalls) throws -> Void) throws {
        try withHost { host, client in
            let tree = WorkTree(client: client, path: "\(host.root)/work")
            try client.command(["git", "init", "-q", tree.path], in: host.root).check()
            try tree.annex("init", "work")
            let uuid = try #require(try tree.config("annex.uuid"))
            try body(tree, P2PCalls(port: host.port, prefix: "/work", uuid: uuid))
        }
    }

    private func added(_ content: [UInt8], to tree: WorkTree) throws -> String {
        try tree.write("f", content)
        try tree.add("f")
        return try tree.key("f")
    }

    /// Changes some bytes in the middle, as an editor does that keeps the file.
    private func edit(_ path: String) throws {
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        try file.seek(toOffset: 1000)
        try file.write(contentsOf: Data("EDITED".utf8))
        try file.close()
    }
}
