// A repository that somebody prepared holds links that lead to other people's files. Whatever is done with a path
// inside of it must fail, name the link, and leave those files alone; and must work as ever where there is no link.

import FileIO
import Glibc
import SystemPackage
import Testing

@Suite(.serialized) struct ConfinedPathTests {
    /// Everything that can be done with a path, each with what it needs.
    private static let operations: [(name: String, run: @Sendable (ConfinedPath, ConfinedPath) throws -> Void)] = [
        ("status", { path, _ in _ = try Files.status(path.appending("file")) }),
        ("read", { path, _ in _ = try Files.read(path.appending("file")) }),
        ("list", { path, _ in _ = try Files.list(path) }),
        ("list deeper", { path, _ in _ = try Files.list(path.appending("b")) }),
        ("open to write", { path, _ in _ = try OpenFile(path.appending("file"), [.writeOnly, .truncate]) }),
        ("create", { path, _ in _ = try OpenFile(path.appending("new"), [.writeOnly, .create]) }),
        (
            "create exclusively",
            { path, _ in _ = try OpenFile(path.appending("n2"), [.writeOnly, .create, .exclusive]) }
        ),
        ("unlink", { path, _ in try Files.unlink(path.appending("file")) }),
        ("rmdir", { path, _ in try Files.removeEmptyDirectory(path.appending("b")) }),
        ("remove a tree below", { path, _ in try Files.removeTree(path.appending("b")) }),
        ("mkdir", { path, _ in try Files.createDirectory(path.appending("c")) }),
        ("chmod", { path, _ in try Files.setMode(path.appending("file"), 0o600) }),
        ("chmod of the folder", { path, _ in try Files.setMode(path, 0o700) }),
        ("rename from", { path, other in try Files.rename(path.appending("file"), to: other.appending("x")) }),
        ("rename to", { path, other in try Files.rename(other.appending("mine"), to: path.appending("file")) }),
        (
            "rename to what must be free",
            { path, other in try Files.renameWithoutReplacing(other.appending("mine"), to: path.appending("y")) }
        ),
        ("sync the folder", { path, _ in try Files.synchronizeDirectory(path) }),
        ("free space", { path, _ in _ = try Files.freeSpace(at: path) }),
        ("copy from", { path, other in try Files.copy(path.appending("file"), to: other.appending("z"), mode: 0o644) }),
        ("copy to", { path, other in try Files.copy(other.appending("mine"), to: path.appending("z"), mode: 0o644) }),
        (
            "replace",
            { path, other in try Files.replace(path.appending("file"), with: [1], in: other) }
        ),
        ("read a link", { path, _ in _ = try Files.target(ofLink: path.appending("link")) }),
    ]

    @Test("a link in the way is refused and named, and nothing behind it changes", arguments: Kernel.allCases)
    func links(kernel: Kernel) throws {
        try kernel.run {
            for (name, run) in Self.operations {
                for target in ["../outside/a", "/absolute"] {
                    try Place.with { place in
                        let target = target == "/absolute" ? place.outside.appending("a") : FilePath(target)
                        try place.link("inside/way", to: target)
                        try place.link("outside/a/link", to: "secret")
                        try Place.write("mine", to: place.root.appending("inside/mine"))
                        let before = try place.outsideState()
                        let error = #expect(throws: FileError.self, "\(name)") {
                            try run(place.inside.appending("way"), place.inside)
                        }
                        #expect(error?.isLink == true, "\(name): \(String(describing: error))")
                        let link = place.root.appending("inside/way").string
                        #expect(error?.description.contains("\"\(link)\" is a symbolic link") == true, "\(name)")
                        #expect(try place.outsideState() == before, "\(name)")
                    }
                }
            }
        }
    }

    @Test(
        "the same operations work where there is no link, and through a folder that links lead to",
        arguments: Kernel.allCases)
    func plain(kernel: Kernel) throws {
        try kernel.run {
            for (name, run) in Self.operations {
                for isLinked in [false, true] {
                    try Place.with { place in
                        try Place.write("mine", to: place.root.appending("inside/mine"))
                        try place.link("inside/a/link", to: "file")
                        try place.link("door", to: "inside")
                        let folder = isLinked ? ConfinedPath(place.root.appending("door")) : place.inside
                        #expect(throws: Never.self, "\(name)") { try run(folder.appending("a"), folder) }
                    }
                }
            }
        }
    }

    @Test("links as the last component: told, removed and copied as links, never opened", arguments: Kernel.allCases)
    func lastComponent(kernel: Kernel) throws {
        try kernel.run {
            try Place.with { place in
                try place.link("inside/a/secret", to: place.outside.appending("secret"))
                try place.link("inside/a/folder", to: place.outside)
                let (secret, folder) = (place.inside.appending("a/secret"), place.inside.appending("a/folder"))
                let before = try place.outsideState()
                #expect(try Files.status(secret)?.kind == .symbolicLink)
                #expect(throws: FileError.self) { try Files.read(secret) }
                #expect(throws: FileError.self) { try OpenFile(secret, [.writeOnly, .create]) }
                #expect(throws: FileError.self) { try Files.setMode(secret, 0) }
                #expect(throws: FileError.self) { try Files.list(folder) }
                try Files.copyLink(secret, to: place.inside.appending("copy"))
                #expect(try Files.target(ofLink: place.inside.appending("copy")) == place.outside.appending("secret"))
                // A tree with links in it goes, and nothing that they lead to.
                try Files.removeTree(place.inside.appending("a"))
                #expect(try !Files.exists(place.inside.appending("a")))
                #expect(try place.outsideState() == before)
            }
        }
    }

    @Test("what is missing is missing, and a file is no folder", arguments: Kernel.allCases)
    func missing(kernel: Kernel) throws {
        try kernel.run {
            try Place.with { (place: Place) throws -> Void in
                for path in ["none", "a/none", "none/file", "a/file/x", "a/file/x/y"] {
                    let path = place.inside.appending(path)
                    #expect(try Files.status(path) == nil)
                    #expect(try Files.read(path) == nil)
                    #expect(try Files.list(path) == [])
                    #expect(try !Files.unlink(path))
                }
                #expect(throws: FileError.self) { try Files.read(place.inside.appending("a")) }
                #expect(throws: FileError.self) { try Files.createDirectory(place.inside.appending("none/x")) }
                let long = String(repeating: "x", count: 300)
                #expect(throws: FileError.self) { try Files.read(place.inside.appending(long)) }
            }
        }
    }

    @Test("dots lead nowhere", arguments: Kernel.allCases)
    func dots(kernel: Kernel) throws {
        try kernel.run {
            try Place.with { place in
                for path in ["../outside/secret", "a/../../outside/secret", "a/b/../../../outside/secret"] {
                    #expect(throws: FileError.self) { try Files.read(place.inside.appending(path)) }
                    #expect(throws: FileError.self) { try Files.unlink(place.inside.appending(path)) }
                    #expect(throws: FileError.self) { try Files.status(place.inside.appending(path)) }
                }
                #expect(throws: FileError.self) { try Files.removeEmptyDirectory(place.inside) }
            }
        }
    }

    @Test("a folder that is not there, or is a file, is missing", arguments: Kernel.allCases)
    func noFolder(kernel: Kernel) throws {
        try kernel.run {
            try Place.with { (place: Place) throws -> Void in
                for folder in ["gone", "outside/secret"] {
                    let path = ConfinedPath(place.root.appending(folder)).appending("a/b")
                    #expect(try Files.status(path) == nil)
                    #expect(try Files.list(path) == [])
                    #expect(throws: FileError.self) { try OpenFile(path, [.writeOnly, .create]) }
                }
            }
        }
    }

    @Test("FIFOs and sockets are refused at once, whichever way they are opened", arguments: Kernel.allCases)
    func specialFiles(kernel: Kernel) throws {
        try kernel.run {
            try Place.with { place in
                let fifo = place.inside.appending("a/fifo")
                try #require(fifo.path.withPlatformString { mkfifo($0, 0o644) } == 0)
                for flags in [OpenFile.Flags.readOnly, .writeOnly, .readWrite, [.writeOnly, .create]] {
                    let confined = #expect(throws: FileError.self) { try OpenFile(fifo, flags) }
                    #expect(confined?.isNoFile == true, "\(String(describing: confined))")
                    let plain = #expect(throws: FileError.self) { try OpenFile(fifo.path, flags) }
                    #expect(plain?.isNoFile == true, "\(String(describing: plain))")
                }
                #expect(throws: FileError.self) { try Files.read(fifo) }
                #expect(throws: FileError.self) { try Files.read(fifo.path) }
                #expect(throws: FileError.self) { try OpenFile("/dev/null", .readOnly) }
                #expect(try Files.status(fifo)?.kind == .other)
                #expect(try Files.unlink(fifo))
            }
        }
    }

    @Test("a lock file that was replaced by a link is no longer the one that was locked", arguments: Kernel.allCases)
    func lockFiles(kernel: Kernel) throws {
        try kernel.run {
            try Place.with { place in
                let path = place.inside.appending("a/lock")
                let file = try OpenFile(path, [.readWrite, .create])
                #expect(try file.tryLock(.exclusive))
                #expect(try file.isStillLinked())
                try Files.rename(path, to: place.inside.appending("elsewhere"))
                try place.link("inside/a/lock", to: "../elsewhere")
                #expect(try !file.isStillLinked())
                #expect(try file.unlink())
                #expect(try Files.exists(place.inside.appending("elsewhere")))
            }
        }
    }
}
