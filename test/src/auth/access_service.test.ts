/** Access as a service starts with it: its file, its issuer, whoever fails too often. */
import './access_service/callers.ts'
import './access_service/tokens_file.ts'
import './access_service/start.ts'
