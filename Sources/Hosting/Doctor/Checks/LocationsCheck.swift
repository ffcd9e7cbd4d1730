import AnnexBranch
import AnnexProtocol
import Blocking
import ObjectStore

/// Every key that the location log says is here: is it?
struct LocationsCheck: Sendable {
    let examination: Examination
    let annex: ExaminedAnnex

    func run() async throws {
        try await annex.branch.forEachClaim { keys in try await check(keys) }
    }

    private func check(_ keys: [Key]) async throws {
        let (objects, pool, annex) = (annex.objects, examination.pool, annex)
        let missing = try await pool.run { try keys.filter { try objects.find($0) == nil } }
        for key in missing {
            // A removal holds its lock until it is logged. So who is not busy, and then still logged, is missing.
            let isBusy = try await pool.run { try objects.isBusy(key) }
            let isHere = try await pool.run { try objects.find(key) != nil }
            let logged = try await annex.branch.claims([key]) == [true]
            guard Judgement.content(logged: logged, isHere: isHere, isBusy: isBusy, age: nil) == .objectMissing else {
                continue
            }
            await examination.found(
                .objectMissing, "\(key)", "the location log says that the content is here, but it is not"
            ) {
                try await annex.correctLog(of: key)
                return true
            }
        }
    }
}
