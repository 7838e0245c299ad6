/** Every caller at every route, with a token or a JWT, at a real service. */
import './access/matrix.ts'
import './access/lists.ts'
import './access/foreign.ts'
import './access/credentials.ts'
