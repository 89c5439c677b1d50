"""Made by events/compile_schemas.py from events/schemas/scheduled-event.schema.json: edit that."""

VERSION = '2.22.3'
from decimal import Decimal
import re
from validators.invalid import Invalid as JsonSchemaValueException, Invalid as JsonSchemaValuesException
REGEX_PATTERNS = {'^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})$': re.compile('^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})\\Z')}
NoneType = type(None)

def validate(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['id', 'detail-type', 'source', 'time', 'detail']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '')
        data_keys = set(data.keys())
        if 'version' in data_keys:
            data_keys.remove('version')
            data__version = data['version']
            if not isinstance(data__version, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.version must be string', value=data__version, name='' + (name_prefix or 'data') + '.version')
        if 'id' in data_keys:
            data_keys.remove('id')
            data__id = data['id']
            if not isinstance(data__id, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.id must be string', value=data__id, name='' + (name_prefix or 'data') + '.id')
            if isinstance(data__id, str):
                data__id_len = len(data__id)
                if data__id_len < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.id must be longer than or equal to 1 characters', value=data__id, name='' + (name_prefix or 'data') + '.id')
        if 'detail-type' in data_keys:
            data_keys.remove('detail-type')
            data__detailtype = data['detail-type']
            if not (isinstance(data__detailtype, str) and data__detailtype == 'Scheduled Event'):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail-type must be Scheduled Event', value=data__detailtype, name='' + (name_prefix or 'data') + '.detail-type')
        if 'source' in data_keys:
            data_keys.remove('source')
            data__source = data['source']
            if not (isinstance(data__source, str) and data__source == 'aws.events'):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.source must be aws.events', value=data__source, name='' + (name_prefix or 'data') + '.source')
        if 'account' in data_keys:
            data_keys.remove('account')
            data__account = data['account']
            if not isinstance(data__account, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.account must be string', value=data__account, name='' + (name_prefix or 'data') + '.account')
        if 'region' in data_keys:
            data_keys.remove('region')
            data__region = data['region']
            if not isinstance(data__region, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.region must be string', value=data__region, name='' + (name_prefix or 'data') + '.region')
        if 'time' in data_keys:
            data_keys.remove('time')
            data__time = data['time']
            if not isinstance(data__time, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.time must be string', value=data__time, name='' + (name_prefix or 'data') + '.time')
            if isinstance(data__time, str):
                if not REGEX_PATTERNS['^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})$'].search(data__time):
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.time must match pattern ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})$', value=data__time, name='' + (name_prefix or 'data') + '.time')
        if 'resources' in data_keys:
            data_keys.remove('resources')
            data__resources = data['resources']
            if not isinstance(data__resources, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.resources must be array', value=data__resources, name='' + (name_prefix or 'data') + '.resources')
            data__resources_is_list = isinstance(data__resources, (list, tuple))
            if data__resources_is_list:
                data__resources_len = len(data__resources)
                for data__resources_x, data__resources_item in enumerate(data__resources):
                    if not isinstance(data__resources_item, str):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.resources[{data__resources_x}]'.format(**locals()) + ' must be string', value=data__resources_item, name='' + (name_prefix or 'data') + '.resources[{data__resources_x}]'.format(**locals()) + '')
        if 'detail' in data_keys:
            data_keys.remove('detail')
            data__detail = data['detail']
            if not isinstance(data__detail, dict):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail must be object', value=data__detail, name='' + (name_prefix or 'data') + '.detail')
    return data
