import AnnexBranch
import AnnexProtocol
import FileIO
import Locations
import ObjectStore

/// The content of a remote, reached through a gateway: passes everything on, and keeps the gateway's location log of the
/// remote (spec 03 §1.7, §1.8).
///
/// It does not know what kind of place the remote is.
struct ProxiedContent: ContentLocation {
    /// What the gateway calls the remote; messages name it.
    let name: String
    let target: any ContentLocation
    /// The gateway's.
    let branch: AnnexBranch

    var uuid: RepositoryUUID { target.uuid }

    func isPresent(_ key: Key) async throws -> Bool { try await naming { try await target.isPresent(key) } }

    func open(_ key: Key, for reading: Reading) async throws -> Content? {
        try await naming { try await target.open(key, for: reading) }
    }

    func partial(of key: Key) async throws -> PartialContent {
        try await naming { try await target.partial(of: key) }
    }

    func lock(_ key: Key) async throws -> (any HeldLock)? { try await naming { try await target.lock(key) } }

    func store(_ key: Key, from upload: Upload) async throws -> StoreOutcome {
        try await logging(key, try await naming { try await target.store(key, from: upload) })
    }

    func confirm(_ key: Key) async throws -> StoreOutcome {
        try await logging(key, try await naming { try await target.confirm(key) })
    }

    func remove(_ key: Key, before deadline: BootSeconds?) async throws -> RemovalOutcome {
        // A deadline that has passed needs no remote to say so (spec 03 §1.10).
        if let deadline, BootSeconds.now >= deadline {
            return .notRemoved(reason: "the time for this removal has passed")
        }
        let outcome = try await naming { try await target.remove(key, before: deadline) }
        switch outcome {
        case .removed(let others):
            try await record(key, in: others, present: false)
            return outcome
        case .notRemoved(let reason): return .notRemoved(reason: "\(name): \(reason)")
        case .refused(let refusal): throw error(refusal)
        }
    }

    /// The remote has logged in its own repository before it answered; whoever asks the gateway must see it as well.
    private func logging(_ key: Key, _ outcome: StoreOutcome) async throws -> StoreOutcome {
        switch outcome {
        case .stored(let others):
            try await record(key, in: others, present: true)
            return outcome
        case .notStored(let reason): return .notStored(reason: "\(name): \(reason)")
        case .refused(let refusal): throw error(refusal)
        }
    }

    private func record(_ key: Key, in others: [RepositoryUUID], present: Bool) async throws {
        for uuid in [uuid] + others { try await branch.recordLocation(of: key, in: uuid, present: present) }
    }

    // MARK: Errors that name the remote

    private func naming<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as ObjectStoreError {
            throw self.error(error)
        } catch let error as FileError {
            throw self.error(error)
        } catch let error as HostingError {
            throw RemoteError(.unreachable, "\(name): \(error)")
        } catch let error as AnnexBranchError {
            let code: RemoteError.Code =
                switch error.code {
                case .locked, .contention, .closed: .busy
                case .nameTooLong: .forbidden
                case .unexpectedContent, .brokenTree, .tooMuch, .failed: .unreachable
                }
            throw RemoteError(code, "\(name): its git-annex branch: \(error.message)")
        }
    }

    private func error(_ refusal: Refusal) -> RemoteError {
        switch refusal {
        case .notEnoughSpace(let missing):
            RemoteError(.full, "\(name): Not enough space: need \(DataSize.describe(missing)) more")
        case .forbidden(let reason): RemoteError(.forbidden, "\(name): \(reason)")
        case .overloaded(let reason): RemoteError(.busy, "\(name): \(reason)")
        }
    }

    private func error(_ error: ObjectStoreError) -> RemoteError {
        if let missing = error.missingBytes { return self.error(.notEnoughSpace(missing: missing)) }
        if let cause = error.cause as? FileError { return self.error(cause) }
        if let cause = error.cause as? HostingError { return RemoteError(.unreachable, "\(name): \(cause)") }
        return RemoteError(.unreachable, "\(name): \(error.message)")
    }

    private func error(_ error: FileError) -> RemoteError {
        if error.isOutOfSpace { return RemoteError(.full, "\(name): Not enough space on its disk") }
        if error.isOutOfDescriptors { return RemoteError(.busy, "the server has too many files open; try again") }
        return RemoteError(.unreachable, "\(name): \(error.operation) failed: \(error.code)")
    }
}
