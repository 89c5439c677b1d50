"""Made by events/compile_schemas.py from events/schemas/alarm-contributor-state-change.schema.json: edit that."""

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
            if not (isinstance(data__detailtype, str) and data__detailtype == 'CloudWatch Alarm Contributor State Change'):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail-type must be CloudWatch Alarm Contributor State Change', value=data__detailtype, name='' + (name_prefix or 'data') + '.detail-type')
        if 'source' in data_keys:
            data_keys.remove('source')
            data__source = data['source']
            if not (isinstance(data__source, str) and data__source == 'aws.cloudwatch'):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.source must be aws.cloudwatch', value=data__source, name='' + (name_prefix or 'data') + '.source')
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
            data__detail_is_dict = isinstance(data__detail, dict)
            if data__detail_is_dict:
                data__detail__missing_keys = set(['alarmName', 'alarmContributor', 'configuration', 'state']) - data__detail.keys()
                if data__detail__missing_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail must contain ' + (str(sorted(data__detail__missing_keys)) + ' properties'), value=data__detail, name='' + (name_prefix or 'data') + '.detail')
                data__detail_keys = set(data__detail.keys())
                if 'alarmName' in data__detail_keys:
                    data__detail_keys.remove('alarmName')
                    data__detail__alarmName = data__detail['alarmName']
                    if not isinstance(data__detail__alarmName, str):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.alarmName must be string', value=data__detail__alarmName, name='' + (name_prefix or 'data') + '.detail.alarmName')
                    if isinstance(data__detail__alarmName, str):
                        data__detail__alarmName_len = len(data__detail__alarmName)
                        if data__detail__alarmName_len < 1:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.alarmName must be longer than or equal to 1 characters', value=data__detail__alarmName, name='' + (name_prefix or 'data') + '.detail.alarmName')
                if 'alarmContributor' in data__detail_keys:
                    data__detail_keys.remove('alarmContributor')
                    data__detail__alarmContributor = data__detail['alarmContributor']
                    if not isinstance(data__detail__alarmContributor, dict):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.alarmContributor must be object', value=data__detail__alarmContributor, name='' + (name_prefix or 'data') + '.detail.alarmContributor')
                    data__detail__alarmContributor_is_dict = isinstance(data__detail__alarmContributor, dict)
                    if data__detail__alarmContributor_is_dict:
                        data__detail__alarmContributor__missing_keys = set(['id', 'attributes']) - data__detail__alarmContributor.keys()
                        if data__detail__alarmContributor__missing_keys:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.alarmContributor must contain ' + (str(sorted(data__detail__alarmContributor__missing_keys)) + ' properties'), value=data__detail__alarmContributor, name='' + (name_prefix or 'data') + '.detail.alarmContributor')
                        data__detail__alarmContributor_keys = set(data__detail__alarmContributor.keys())
                        if 'id' in data__detail__alarmContributor_keys:
                            data__detail__alarmContributor_keys.remove('id')
                            data__detail__alarmContributor__id = data__detail__alarmContributor['id']
                            if not isinstance(data__detail__alarmContributor__id, str):
                                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.alarmContributor.id must be string', value=data__detail__alarmContributor__id, name='' + (name_prefix or 'data') + '.detail.alarmContributor.id')
                            if isinstance(data__detail__alarmContributor__id, str):
                                data__detail__alarmContributor__id_len = len(data__detail__alarmContributor__id)
                                if data__detail__alarmContributor__id_len < 1:
                                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.alarmContributor.id must be longer than or equal to 1 characters', value=data__detail__alarmContributor__id, name='' + (name_prefix or 'data') + '.detail.alarmContributor.id')
                        if 'attributes' in data__detail__alarmContributor_keys:
                            data__detail__alarmContributor_keys.remove('attributes')
                            data__detail__alarmContributor__attributes = data__detail__alarmContributor['attributes']
                            if not isinstance(data__detail__alarmContributor__attributes, dict):
                                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.alarmContributor.attributes must be object', value=data__detail__alarmContributor__attributes, name='' + (name_prefix or 'data') + '.detail.alarmContributor.attributes')
                            data__detail__alarmContributor__attributes_is_dict = isinstance(data__detail__alarmContributor__attributes, dict)
                            if data__detail__alarmContributor__attributes_is_dict:
                                data__detail__alarmContributor__attributes_keys = set(data__detail__alarmContributor__attributes.keys())
                                for data__detail__alarmContributor__attributes_key in data__detail__alarmContributor__attributes_keys:
                                    if data__detail__alarmContributor__attributes_key not in []:
                                        data__detail__alarmContributor__attributes_value = data__detail__alarmContributor__attributes.get(data__detail__alarmContributor__attributes_key)
                                        if not isinstance(data__detail__alarmContributor__attributes_value, str):
                                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.alarmContributor.attributes.{data__detail__alarmContributor__attributes_key}'.format(**locals()) + ' must be string', value=data__detail__alarmContributor__attributes_value, name='' + (name_prefix or 'data') + '.detail.alarmContributor.attributes.{data__detail__alarmContributor__attributes_key}'.format(**locals()) + '')
                if 'configuration' in data__detail_keys:
                    data__detail_keys.remove('configuration')
                    data__detail__configuration = data__detail['configuration']
                    if not isinstance(data__detail__configuration, dict):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.configuration must be object', value=data__detail__configuration, name='' + (name_prefix or 'data') + '.detail.configuration')
                    data__detail__configuration_is_dict = isinstance(data__detail__configuration, dict)
                    if data__detail__configuration_is_dict:
                        data__detail__configuration__missing_keys = set(['metrics']) - data__detail__configuration.keys()
                        if data__detail__configuration__missing_keys:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.configuration must contain ' + (str(sorted(data__detail__configuration__missing_keys)) + ' properties'), value=data__detail__configuration, name='' + (name_prefix or 'data') + '.detail.configuration')
                        data__detail__configuration_keys = set(data__detail__configuration.keys())
                        if 'metrics' in data__detail__configuration_keys:
                            data__detail__configuration_keys.remove('metrics')
                            data__detail__configuration__metrics = data__detail__configuration['metrics']
                            if not isinstance(data__detail__configuration__metrics, (list, tuple)):
                                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.configuration.metrics must be array', value=data__detail__configuration__metrics, name='' + (name_prefix or 'data') + '.detail.configuration.metrics')
                            data__detail__configuration__metrics_is_list = isinstance(data__detail__configuration__metrics, (list, tuple))
                            if data__detail__configuration__metrics_is_list:
                                data__detail__configuration__metrics_len = len(data__detail__configuration__metrics)
                                if data__detail__configuration__metrics_len < 1:
                                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.configuration.metrics must contain at least 1 items', value=data__detail__configuration__metrics, name='' + (name_prefix or 'data') + '.detail.configuration.metrics')
                                for data__detail__configuration__metrics_x, data__detail__configuration__metrics_item in enumerate(data__detail__configuration__metrics):
                                    if not isinstance(data__detail__configuration__metrics_item, dict):
                                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.configuration.metrics[{data__detail__configuration__metrics_x}]'.format(**locals()) + ' must be object', value=data__detail__configuration__metrics_item, name='' + (name_prefix or 'data') + '.detail.configuration.metrics[{data__detail__configuration__metrics_x}]'.format(**locals()) + '')
                                    data__detail__configuration__metrics_item_is_dict = isinstance(data__detail__configuration__metrics_item, dict)
                                    if data__detail__configuration__metrics_item_is_dict:
                                        data__detail__configuration__metrics_item__missing_keys = set(['id']) - data__detail__configuration__metrics_item.keys()
                                        if data__detail__configuration__metrics_item__missing_keys:
                                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.configuration.metrics[{data__detail__configuration__metrics_x}]'.format(**locals()) + ' must contain ' + (str(sorted(data__detail__configuration__metrics_item__missing_keys)) + ' properties'), value=data__detail__configuration__metrics_item, name='' + (name_prefix or 'data') + '.detail.configuration.metrics[{data__detail__configuration__metrics_x}]'.format(**locals()) + '')
                                        data__detail__configuration__metrics_item_keys = set(data__detail__configuration__metrics_item.keys())
                                        if 'id' in data__detail__configuration__metrics_item_keys:
                                            data__detail__configuration__metrics_item_keys.remove('id')
                                            data__detail__configuration__metrics_item__id = data__detail__configuration__metrics_item['id']
                                            if not isinstance(data__detail__configuration__metrics_item__id, str):
                                                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.configuration.metrics[{data__detail__configuration__metrics_x}].id'.format(**locals()) + ' must be string', value=data__detail__configuration__metrics_item__id, name='' + (name_prefix or 'data') + '.detail.configuration.metrics[{data__detail__configuration__metrics_x}].id'.format(**locals()) + '')
                                        if 'expression' in data__detail__configuration__metrics_item_keys:
                                            data__detail__configuration__metrics_item_keys.remove('expression')
                                            data__detail__configuration__metrics_item__expression = data__detail__configuration__metrics_item['expression']
                                            if not isinstance(data__detail__configuration__metrics_item__expression, str):
                                                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.configuration.metrics[{data__detail__configuration__metrics_x}].expression'.format(**locals()) + ' must be string', value=data__detail__configuration__metrics_item__expression, name='' + (name_prefix or 'data') + '.detail.configuration.metrics[{data__detail__configuration__metrics_x}].expression'.format(**locals()) + '')
                                        if 'label' in data__detail__configuration__metrics_item_keys:
                                            data__detail__configuration__metrics_item_keys.remove('label')
                                            data__detail__configuration__metrics_item__label = data__detail__configuration__metrics_item['label']
                                            if not isinstance(data__detail__configuration__metrics_item__label, str):
                                                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.configuration.metrics[{data__detail__configuration__metrics_x}].label'.format(**locals()) + ' must be string', value=data__detail__configuration__metrics_item__label, name='' + (name_prefix or 'data') + '.detail.configuration.metrics[{data__detail__configuration__metrics_x}].label'.format(**locals()) + '')
                                        if 'returnData' in data__detail__configuration__metrics_item_keys:
                                            data__detail__configuration__metrics_item_keys.remove('returnData')
                                            data__detail__configuration__metrics_item__returnData = data__detail__configuration__metrics_item['returnData']
                                            if not isinstance(data__detail__configuration__metrics_item__returnData, bool):
                                                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.configuration.metrics[{data__detail__configuration__metrics_x}].returnData'.format(**locals()) + ' must be boolean', value=data__detail__configuration__metrics_item__returnData, name='' + (name_prefix or 'data') + '.detail.configuration.metrics[{data__detail__configuration__metrics_x}].returnData'.format(**locals()) + '')
                                        if 'period' in data__detail__configuration__metrics_item_keys:
                                            data__detail__configuration__metrics_item_keys.remove('period')
                                            data__detail__configuration__metrics_item__period = data__detail__configuration__metrics_item['period']
                                            if not isinstance(data__detail__configuration__metrics_item__period, int) and (not (isinstance(data__detail__configuration__metrics_item__period, float) and data__detail__configuration__metrics_item__period.is_integer())) or isinstance(data__detail__configuration__metrics_item__period, bool):
                                                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.configuration.metrics[{data__detail__configuration__metrics_x}].period'.format(**locals()) + ' must be integer', value=data__detail__configuration__metrics_item__period, name='' + (name_prefix or 'data') + '.detail.configuration.metrics[{data__detail__configuration__metrics_x}].period'.format(**locals()) + '')
                                            if isinstance(data__detail__configuration__metrics_item__period, (int, float, Decimal)) and (not isinstance(data__detail__configuration__metrics_item__period, bool)):
                                                if data__detail__configuration__metrics_item__period < 60:
                                                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.configuration.metrics[{data__detail__configuration__metrics_x}].period'.format(**locals()) + ' must be bigger than or equal to 60', value=data__detail__configuration__metrics_item__period, name='' + (name_prefix or 'data') + '.detail.configuration.metrics[{data__detail__configuration__metrics_x}].period'.format(**locals()) + '')
                        if 'description' in data__detail__configuration_keys:
                            data__detail__configuration_keys.remove('description')
                            data__detail__configuration__description = data__detail__configuration['description']
                            if not isinstance(data__detail__configuration__description, str):
                                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.configuration.description must be string', value=data__detail__configuration__description, name='' + (name_prefix or 'data') + '.detail.configuration.description')
                if 'state' in data__detail_keys:
                    data__detail_keys.remove('state')
                    data__detail__state = data__detail['state']
                    if not isinstance(data__detail__state, dict):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.state must be object', value=data__detail__state, name='' + (name_prefix or 'data') + '.detail.state')
                    data__detail__state_is_dict = isinstance(data__detail__state, dict)
                    if data__detail__state_is_dict:
                        data__detail__state__missing_keys = set(['value', 'timestamp']) - data__detail__state.keys()
                        if data__detail__state__missing_keys:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.state must contain ' + (str(sorted(data__detail__state__missing_keys)) + ' properties'), value=data__detail__state, name='' + (name_prefix or 'data') + '.detail.state')
                        data__detail__state_keys = set(data__detail__state.keys())
                        if 'value' in data__detail__state_keys:
                            data__detail__state_keys.remove('value')
                            data__detail__state__value = data__detail__state['value']
                            if not (isinstance(data__detail__state__value, str) and data__detail__state__value == 'OK' or (isinstance(data__detail__state__value, str) and data__detail__state__value == 'ALARM')):
                                raise JsonSchemaValueException('' + (name_prefix or 'data') + ".detail.state.value must be one of ['OK', 'ALARM']", value=data__detail__state__value, name='' + (name_prefix or 'data') + '.detail.state.value')
                        if 'reason' in data__detail__state_keys:
                            data__detail__state_keys.remove('reason')
                            data__detail__state__reason = data__detail__state['reason']
                            if not isinstance(data__detail__state__reason, str):
                                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.state.reason must be string', value=data__detail__state__reason, name='' + (name_prefix or 'data') + '.detail.state.reason')
                        if 'timestamp' in data__detail__state_keys:
                            data__detail__state_keys.remove('timestamp')
                            data__detail__state__timestamp = data__detail__state['timestamp']
                            if not isinstance(data__detail__state__timestamp, str):
                                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.state.timestamp must be string', value=data__detail__state__timestamp, name='' + (name_prefix or 'data') + '.detail.state.timestamp')
                            if isinstance(data__detail__state__timestamp, str):
                                if not REGEX_PATTERNS['^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})$'].search(data__detail__state__timestamp):
                                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail.state.timestamp must match pattern ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})$', value=data__detail__state__timestamp, name='' + (name_prefix or 'data') + '.detail.state.timestamp')
    return data
