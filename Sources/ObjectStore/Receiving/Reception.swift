public import AnnexProtocol
internal import FileIO
internal import Synchronization
internal import SystemPackage

/// Content that is being received: takes the body, checks it, and puts it into the store (spec 01 §4.2 steps 6 to 11).
///
/// After ``finish(_:)`` the owner writes the location log and then calls ``release()``. Dropping it at any point keeps
/// what came so far for a resumed upload and frees the locks; where the content may be in the store by then, a note for
/// ``ObjectStore/interruptedUploads()`` stays.
public final class Reception: Sendable {
    public let key: Key
    private let store: ObjectStore
    private let settings: StoreSettings
    private let file: OpenFile
    private let partial: PartialFiles
    /// Nil if the body is judged on its way here.
    private let checker: CheckerBox?
    /// An object that makes way for this content.
    private let replacing: FileStatus.Version?
    /// Size of the partial file when the request began.
    private let start: UInt64
    /// Body bytes at the front that are here already.
    private let skip: UInt64
    /// Announced length of the body.
    private let length: UInt64
    private let received = Atomic<UInt64>(0)
    private let state: Mutex<State>

    private struct State {
        /// Size of the partial file.
        var position: UInt64
        /// Bytes of it that the checker has seen.
        var checked: UInt64 = 0
        var writtenBack: UInt64
        /// The position at which the disk was last seen to have room.
        var roomSeenAt: UInt64
        var hasFailed = false
        var isFinished = false
        /// Whether the content may have got into the store, so that the location log has to be written.
        var mayBeStored = false
        var slot: TransferSlot?
    }

    /// How many bytes pile up before the kernel is asked to write them, so that the last fsync is short.
    private static let writebackStep: UInt64 = 8 << 20

    init(
        _ key: Key, _ store: ObjectStore, _ settings: StoreSettings, _ file: OpenFile, _ partial: PartialFiles,
        _ slot: TransferSlot, _ checker: CheckerBox?, replacing: FileStatus.Version?, start: UInt64, skip: UInt64,
        length: UInt64
    ) {
        self.key = key
        self.store = store
        self.settings = settings
        self.file = file
        self.partial = partial
        self.checker = checker
        self.replacing = replacing
        self.start = start
        self.skip = skip
        self.length = length
        state = Mutex(State(position: start, writtenBack: start, roomSeenAt: start, slot: slot))
    }

    deinit { release(isSettled: false) }

    /// Bytes of the body so far, those beyond the announced length included.
    public var bytesReceived: UInt64 { received.load(ordering: .relaxed) }

    /// Whether more bytes came than were announced; nothing that comes now is of use.
    public var isTooLong: Bool { bytesReceived > length }

    /// Reads some of what an earlier upload left, for the checker; answers how many bytes, or nil when it has seen all.
    ///
    /// A large partial file takes a while to read. Whoever receives can stop between these steps when the client
    /// leaves; the other calls read what is left themselves.
    public func rereadSome() throws(ObjectStoreError) -> Int? {
        try reporting { try state.withLock { state in try reread(upTo: 32 << 20, &state) } }
    }

    private func reread(upTo limit: Int, _ state: inout State) throws -> Int? {
        guard let checker, state.checked < start, !state.isFinished else { return nil }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        var done = 0
        while state.checked < start, done < limit {
            let wanted = Int(min(start - state.checked, UInt64(buffer.count)))
            let space = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
            let count = try file.read(into: space, at: state.checked)
            guard count > 0 else {
                throw ObjectStoreError(code: .io, message: "read \"\(file.path)\": it became shorter meanwhile")
            }
            checker.checker.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            state.checked += UInt64(count)
            done += count
        }
        return done
    }

    private func rereadAll(_ state: inout State) throws { while try reread(upTo: .max, &state) != nil {} }

    /// Writes the next bytes of the body, and hashes them. Bytes beyond the announced length are dropped.
    ///
    /// After an error, such as a full disk, only `finish(.broken)` makes sense; it keeps what fitted.
    public func append(_ bytes: UnsafeRawBufferPointer) throws(ObjectStoreError) {
        try reporting {
            try state.withLock { state in
                guard !state.isFinished, !state.hasFailed else {
                    throw ObjectStoreError(code: .misuse, message: "append to a reception that has ended")
                }
                try append(bytes, &state)
            }
        }
    }

    private func append(_ bytes: UnsafeRawBufferPointer, _ state: inout State) throws {
        let before = bytesReceived
        received.add(UInt64(bytes.count), ordering: .relaxed)
        let wanted = bytes.prefix(Int(clamping: length - min(length, before)))
        let here = Int(clamping: min(UInt64(wanted.count), skip - min(skip, before)))
        let fresh = UnsafeRawBufferPointer(rebasing: wanted.dropFirst(here))
        guard fresh.count > 0 else { return }

        try rereadAll(&state)
        try leaveReserveAlone(UInt64(fresh.count), &state)
        do {
            try file.write(fresh, at: state.position)
        } catch {
            state.hasFailed = true
            state.position = max(state.position, (try? file.status().size) ?? 0)
            var failure = ObjectStoreError(error)
            if failure.code == .noSpace { failure.missingBytes = missing(at: state.position) }
            throw failure
        }
        checker?.checker.update(fresh)
        state.position += UInt64(fresh.count)
        state.checked = state.position
        state.slot?.report(state.position, newly: fresh.count)
        if state.position - state.writtenBack >= Self.writebackStep {
            file.startWriteback(offset: state.writtenBack, length: state.position - state.writtenBack)
            state.writtenBack = state.position
        }
    }

    /// Fails where the next bytes would take what is to stay free: more may have been let in than there is room for,
    /// since what an upload announces counts only as far as it gets on (see ``UploadPace``).
    private func leaveReserveAlone(_ count: UInt64, _ state: inout State) throws {
        guard state.position + count - state.roomSeenAt >= Self.writebackStep else { return }
        state.roomSeenAt = state.position + count
        guard let free = try? Files.freeSpace(at: store.paths.annex) else { return }
        let need = Int128(settings.diskReserve) + Int128(count) - Int128(free)
        guard need > 0 else { return }
        state.hasFailed = true
        let (bytes, overflow) = missing(at: state.position + count).addingReportingOverflow(UInt64(clamping: need))
        throw ObjectStoreError(
            code: .noSpace, message: "write \"\(file.path)\": the disk is full up to its reserve",
            missingBytes: overflow ? .max : bytes)
    }

    /// Bytes of the content that are still to be written.
    private func missing(at position: UInt64) -> UInt64 {
        let total = start + length - skip
        return total - min(total, position)
    }

    /// Ends the body. With `.complete` or `.judged`, makes genuine content durable and puts it into the store.
    ///
    /// A body that is complete only by name, since it was shorter or longer than announced, is treated as what it is.
    /// The transfer locks stay until ``release()``.
    public func finish(_ end: BodyEnd) throws(ObjectStoreError) -> ReceiveOutcome {
        try reporting {
            try state.withLock { state in
                guard !state.isFinished else {
                    throw ObjectStoreError(code: .misuse, message: "finish of a reception that has ended")
                }
                if end == .complete, checker == nil {
                    throw ObjectStoreError(code: .misuse, message: "nobody has compared the content with its key")
                }
                if end == .complete, bytesReceived == length, !state.hasFailed { try rereadAll(&state) }
                state.isFinished = true
                switch end {
                case _ where isTooLong, .tooLong:
                    try rollBack(&state)
                    return .rejected(.long)
                case .broken: return try keep(state)
                case .complete, .judged:
                    if state.hasFailed { return try keep(state) }
                    guard bytesReceived == length else {
                        try rollBack(&state)
                        return .rejected(.short)
                    }
                    return try store(&state, end)
                }
            }
        }
    }

    /// Frees the transfer locks and removes the info file. Call it after the location log is written.
    public func release() { release(isSettled: true) }

    private func release(isSettled: Bool) {
        let (slot, mayBeStored) = state.withLock { state in
            if !state.isFinished {
                if isTooLong { try? rollBack(&state) } else { _ = try? keep(state) }
            }
            state.isFinished = true
            return (state.slot.take(), state.mayBeStored)
        }
        slot?.release(isSettled: isSettled || !mayBeStored)
    }

    private func keep(_ state: State) throws -> ReceiveOutcome {
        if state.position == 0 {
            // Nobody can resume from nothing, so leave no empty file behind.
            try partial.discard(file)
        } else {
            try? partial.claim(file.place, FileModes(settings, store.paths))
        }
        return .kept(state.position)
    }

    private func rollBack(_ state: inout State) throws {
        if start == 0 { try partial.discard(file) } else { try file.truncate(to: start) }
        state.position = start
    }

    private func isGenuine(_ end: BodyEnd, totalLength total: UInt64) -> Bool {
        if case .judged(let isGenuine) = end { return isGenuine }
        return checker?.checker.isGenuine(totalLength: total) ?? false
    }

    private func store(_ state: inout State, _ end: BodyEnd) throws -> ReceiveOutcome {
        let total = state.position
        // The file is asked, too: it could have been changed by somebody who ignores the locks.
        guard total == key.contentSize ?? total, try file.status().size == total,
            isGenuine(end, totalLength: total)
        else {
            try store.removeWorkDirectory(key)
            try partial.discard(file)
            return .rejected(.contentMismatch)
        }
        state.mayBeStored = true
        let isNew = try store.publish(file, as: key, settings, replacing: replacing)
        // Debris from now on; whatever stays does no harm.
        try? partial.discardAll()
        return .stored(newly: isNew)
    }
}
