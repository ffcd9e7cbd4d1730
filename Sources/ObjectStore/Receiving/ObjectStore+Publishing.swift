public import AnnexProtocol
internal import FileIO
internal import SystemPackage

extension ObjectStore {
    /// Moves verified content from `tmp/` to its place among the objects, durably (spec 01 §4.2 step 9).
    ///
    /// The content is on stable storage before its name is there, so that no crash leaves wrong content in place.
    /// - Parameter replacing: an object that makes way for the content.
    /// - Returns: false when another object was there already; the received copy is then deleted.
    func publish(
        _ file: OpenFile, as key: Key, _ settings: StoreSettings, replacing: FileStatus.Version? = nil
    ) throws -> Bool {
        let modes = FileModes(settings, paths)
        try removeWorkDirectory(key)
        let mode = try file.status().mode
        let frozen = modes.content(mode)
        if frozen != mode { try file.setMode(frozen) }
        do {
            try file.synchronize()
        } catch {
            // The kernel tells of bytes that it could not write once, and forgets them. A client that resumed from this
            // file would have the cached bytes verified, and the next fsync would succeed.
            _ = try? file.unlink()
            throw error
        }
        guard try file.isStillLinked() else {
            throw ObjectStoreError(code: .io, message: "\"\(file.path)\" was replaced while it was being received")
        }

        // An object of the wrong size is found nowhere, but may sit in the place for new content.
        // What makes way may be in the other place, where it would be found first.
        let replaced = replacing == nil ? nil : try find(key, settings)?.place
        let place = replaced ?? paths.newPlace(key, settings)
        let moved = try KeyGate.of(place).enter(place) { _ in
            try move(file.place, to: place, key, settings, modes, replacing)
        }
        // Also where somebody else was faster: he may not have come to this step, and die before it.
        try place.synchronizeDirectories()
        return moved
    }

    /// Waits until content that is here is on stable storage under its name; does nothing where it is not here.
    public func synchronize(_ key: Key) throws(ObjectStoreError) {
        try reporting {
            guard let (_, place) = try find(key, try settings()) else { return }
            do {
                try OpenFile(place.object, .readOnly).synchronize()
            } catch let error as FileError {
                // It was removed this instant.
                if error.isMissing { return }
                throw error
            }
            try place.synchronizeDirectories()
        }
    }

    private func move(
        _ partial: ConfinedPath, to place: ObjectPlace, _ key: Key, _ settings: StoreSettings, _ modes: FileModes,
        _ replacing: FileStatus.Version?
    ) throws -> Bool {
        var attempts = 0
        while true {
            if try find(key, settings, besides: replacing) != nil {
                try Files.unlink(partial)
                return false
            }
            // Throws when another repository has taken the place of this one since the upload began.
            _ = try self.settings()
            do {
                // A removal that ends now may take these away again; then this is tried once more.
                try modes.createDirectories(place.directory)
                try modes.withThawed(place.directory) {
                    guard let status = try Files.status(place.object) else {
                        return try Files.renameWithoutReplacing(partial, to: place.object)
                    }
                    // What `find` did not accept is damaged, and replaced; unless a good one came this instant.
                    if let present = content(of: key, at: place, status, settings),
                        present.status.version != replacing
                    {
                        throw FileError(operation: "rename", path: place.object.path, code: .fileExists)
                    }
                    try Files.rename(partial, to: place.object)
                }
                return true
            } catch let error as FileError {
                attempts += 1
                guard error.isMissing || error.code == .fileExists, attempts < 20, try Files.exists(partial) else {
                    throw error
                }
            }
        }
    }

    /// Only a directory: a file of this name is the partial content of another key, one that is called `work.…`.
    func removeWorkDirectory(_ key: Key) throws {
        let work = paths.work(key)
        guard let status = try Files.status(work), status.kind == .directory else { return }
        try Files.removeTree(work)
    }
}
