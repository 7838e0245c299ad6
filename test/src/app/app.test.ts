/** What holds for every route: one service for all of it. */
import './app/routes.ts'
import './app/body_types.ts'
import './app/body_json.ts'
import './app/faults.ts'
