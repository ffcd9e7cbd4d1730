public import AnnexProtocol
public import FileIO
internal import SystemPackage

extension ObjectStore {
    /// Prepares to receive the content of a key (spec 01 §4.2 steps 1 to 6).
    ///
    /// With `.ready`, the transfer locks are held until the reception is released.
    /// - Parameters:
    ///   - clientUUID: who sends, as the request says; any bytes.
    ///   - associatedFile: the name of a file with this content, or empty; any bytes.
    ///   - offset: bytes that the client leaves out at the front, in the hope that they are here.
    ///   - length: the announced length of the body in bytes.
    ///   - isSecure: whether the hash in the key is secure, where the caller knows better than its backend tells
    ///     (VURL).
    ///   - replacing: an object that is known to differ from what is sent. While it is what is here, it does not count
    ///     as present, and content that proves to be that of the key takes its place.
    ///   - checker: a fresh checker for this key. The reception reads the bytes that are here already for it. Nil for a
    ///     body that holds all of the content and is compared with the key on its way here
    ///     (``BodyEnd/judged(isGenuine:)``): it takes the place of what is here, since the verdict is about the body
    ///     alone.
    public func beginReceiving(
        _ key: Key, clientUUID: [UInt8], associatedFile: [UInt8] = [], offset: UInt64, length: Int64,
        isSecure: Bool? = nil, replacing: FileStatus.Version? = nil, checker: sending (any ContentChecking)?
    ) throws(ObjectStoreError) -> ReceiveStart {
        let checker: CheckerBox? = if let checker { CheckerBox(checker) } else { nil }
        return try reporting {
            guard checker != nil || offset == 0 else {
                throw ObjectStoreError(code: .misuse, message: "a body that is judged holds all of the content")
            }
            let settings = try settings()
            // Where the object itself is what is locked, a new one would not be.
            let replacing = settings.usesLockFiles ? replacing : nil
            if try find(key, settings, besides: replacing) != nil { return .alreadyPresent }
            if let refusal = refusal(key, offset: offset, length: length, isSecure: isSecure, settings) {
                return .refused(refusal)
            }

            let modes = FileModes(settings, paths)
            let partial = PartialFiles(key, client: clientUUID, paths)
            let request = ReceiveRequest(offset: offset, length: length)
            let slot: TransferSlot?
            do {
                slot = try TransferSlot(key, client: clientUUID, associatedFile: associatedFile, paths, modes)
            } catch let error as FileError where error.isOutOfSpace {
                // There is no room even for the locks; say how much the content lacks.
                let existing = try partialStatus(partial.chosen(), key)?.size ?? 0
                guard let missing = try missingSpace(for: key, request, existing: existing, settings) else {
                    throw error
                }
                return .refused(.notEnoughSpace(missing: missing))
            }
            guard let slot else { return try find(key, settings, besides: replacing) == nil ? .busy : .alreadyPresent }
            do {
                // Another upload may have ended between our look and our lock.
                if try find(key, settings, besides: replacing) != nil {
                    slot.giveUp()
                    return .alreadyPresent
                }
                let start = try receive(key, request, partial, settings, slot, checker, replacing)
                if case .ready = start { return start }
                slot.giveUp()
                return start
            } catch {
                slot.giveUp()
                throw error
            }
        }
    }

    /// Why no content is received for a key, whatever its length; nil where it is, as far as that can be told before.
    public func refusal(of key: Key, isSecure: Bool? = nil) throws(ObjectStoreError) -> ReceiveRefusal? {
        try reporting { Self.refusal(of: key, isSecure: isSecure, try settings()) }
    }

    private static func refusal(of key: Key, isSecure: Bool?, _ settings: StoreSettings) -> ReceiveRefusal? {
        if !settings.allowsChanges { return .readOnly }
        if settings.secureHashesOnly && !(isSecure ?? key.hasSecureHash) { return .insecureBackend }
        // `lck.` and `work.` are put in front of the name.
        return key.fileName.count + 5 > Key.maximumFileNameLength ? .nameTooLong : nil
    }

    /// What can be decided without a look at the partial file.
    private func refusal(
        _ key: Key, offset: UInt64, length: Int64, isSecure: Bool?, _ settings: StoreSettings
    ) -> ReceiveRefusal? {
        if let refusal = Self.refusal(of: key, isSecure: isSecure, settings) { return refusal }
        if let size = key.contentSize, length >= 0 {
            let (announced, overflow) = offset.addingReportingOverflow(UInt64(length))
            if overflow || announced != size { return .wrongLength(announced: announced, expected: size) }
        }
        return nil
    }

    private func receive(
        _ key: Key, _ request: ReceiveRequest, _ partial: PartialFiles, _ settings: StoreSettings,
        _ slot: TransferSlot, _ checker: CheckerBox?, _ replacing: FileStatus.Version?
    ) throws -> ReceiveStart {
        let modes = FileModes(settings, paths)
        // The partial content is of no use to this client, and would be offered to it again and again.
        if request.length < 0 {
            try partial.forget(modes)
            return .refused(.negativeLength)
        }
        let path = try partial.chosen()
        let existing = try usableSize(path, key)
        if request.offset > existing { return .refused(.offsetBeyondPartial(partialSize: existing)) }
        if let missing = try missingSpace(for: key, request, existing: existing, settings) {
            return .refused(.notEnoughSpace(missing: missing))
        }

        let file = try openPartial(path, modes)
        // A key that tells no size may be as large.
        if request.length >= PartialFiles.largeUpload || key.contentSize == nil { try? partial.claim(path, modes) }
        // Content that is not verified here has to come from one reading of the sender's file; so the body replaces
        // what overlaps.
        let kept = checker?.checker.isVerifiable == true ? existing : request.offset
        if kept < existing { try file.truncate(to: kept) }
        return .ready(
            Reception(
                key, self, settings, file, partial, slot, checker, replacing: replacing, start: kept,
                skip: kept - request.offset, length: UInt64(request.length)))
    }

    /// The size of a partial file; one that cannot become the content is deleted.
    private func usableSize(_ path: ConfinedPath, _ key: Key) throws -> UInt64 {
        if let status = try partialStatus(path, key) { return status.size }
        try Files.unlink(path)
        return 0
    }

    private func openPartial(_ path: ConfinedPath, _ modes: FileModes) throws -> OpenFile {
        try modes.createDirectories(path.removingLastComponent())
        if let status = try Files.status(path), status.mode & 0o600 != 0o600 {
            try Files.setMode(path, status.mode | 0o600)
        }
        return try modes.open(creating: path, .readWrite)
    }

    /// Bytes that must become free before the content fits, or nil when it fits (spec 02 §6.5).
    private func missingSpace(
        for key: Key, _ request: ReceiveRequest, existing: UInt64, _ settings: StoreSettings
    ) throws -> UInt64? {
        guard let free = try? Files.freeSpace(at: paths.annex) else { return nil }
        let size = key.contentSize ?? max(1, request.offset.addingSaturating(UInt64(max(0, request.length))))
        let outstanding = try TransferSlot.outstandingBytes(besides: key, paths)
        let need = Int128(size) + Int128(settings.diskReserve) - Int128(free) - Int128(existing) + Int128(outstanding)
        return need > 0 ? UInt64(clamping: need) : nil
    }
}

private struct ReceiveRequest {
    var offset: UInt64
    var length: Int64
}

/// Carries a checker from the caller, who gave it away, to the reception, whose mutex guards it from then on.
final class CheckerBox: @unchecked Sendable {
    var checker: any ContentChecking

    init(_ checker: sending any ContentChecking) { self.checker = checker }
}
